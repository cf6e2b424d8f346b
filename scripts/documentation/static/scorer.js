// What a search finds comes in this order: the exact name, guides and headings, other names, texts.
const wanted = (new URLSearchParams(location.search).get("q") || "")
  .trim()
  .replace(/^await\s+/, "")
  .replace(/\(.*$/, "")
  .toLowerCase();

var Scorer = {
  score: ([, name, , , score, , kind]) => {
    const lower = name.toLowerCase();
    if (kind === "object" && (lower === wanted || lower.endsWith(`.${wanted}`))) {
      return 1000 - name.length;
    }
    return score;
  },
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: {},
  objPrioDefault: 0,
  title: 100,
  partialTitle: 20,
  term: 5,
  partialTerm: 2,
};

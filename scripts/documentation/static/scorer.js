// What a search finds comes in this order: the exact name, guides and headings, other names, texts.
const wanted = (new URLSearchParams(location.search).get("q") || "")
  .trim()
  .replace(/^await\s+/, "")
  .replace(/\(.*$/, "")
  .toLowerCase();

const words = wanted.split(/[^\p{L}\p{N}_]+/u).filter(Boolean);

var Scorer = {
  score: ([page, name, , , score, , kind]) => {
    const lower = name.toLowerCase();
    if (kind === "object") {
      return lower === wanted || lower.endsWith(`.${wanted}`) ? 1000 - name.length : score;
    }
    const isGuide = page === "README" || page.startsWith("guides/");
    return score + (isGuide ? 200 : 0) + (words.some((word) => lower.includes(word)) ? 40 : 0);
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

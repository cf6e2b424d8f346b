// Uploads straight from the browser: a token from our service, a record from Imgwire, the bytes to its store.
"use strict";

const AT_ONCE = 3;
const LONGEST_WAIT = 60_000; // milliseconds until an image is READY
const TYPES = {
  avif: "image/avif", bmp: "image/bmp", gif: "image/gif", heic: "image/heic", heif: "image/heic",
  ico: "image/vnd.microsoft.icon", jpeg: "image/jpeg", jpg: "image/jpeg", jxl: "image/jxl", png: "image/png",
  tif: "image/tiff", tiff: "image/tiff", webp: "image/webp",
};

const $ = (id) => document.getElementById(id);
const say = (text) => { $("status").textContent = text; };
const complain = (text) => { $("message").textContent = text; };
let configuration;

// The type that Imgwire knows. Browsers have other names for some: Chromium calls HEIC image/heif, and does not
// know JPEG XL.
function typeOf(file) {
  if (Object.values(TYPES).includes(file.type)) return file.type;
  const type = TYPES[file.name.split(".").pop().toLowerCase()];
  if (type === undefined) throw new Error("This is not an image of a supported type.");
  return type;
}

async function reach(what, url, options) {
  try {
    return await fetch(url, options);
  } catch {
    throw new Error(`${what} cannot be reached from this page. Is ${location.host} one of its CORS origins?`);
  }
}

async function json(response) {
  if (response.ok) return response.status === 204 ? null : response.json();
  const body = await response.json().catch(() => ({}));
  if (response.status === 401 && new URL(response.url).origin === location.origin) show(false);
  const said = typeof body.detail === "string" ? body.detail : "The values were not accepted.";
  throw new Error(body.detail === undefined ? `The server answered ${response.status}.` : said);
}

const ours = async (path, options) => json(await reach("This gallery", path, options));

async function create(file, uploadToken, description) {
  const query = new URLSearchParams({ upload_token: uploadToken });
  const url = `${configuration.api_url}/api/v1/images/standard_upload?${query}`;
  return json(await reach("The image service", url, {
    method: "POST",
    headers: { Authorization: `Bearer ${configuration.client_key}`, "Content-Type": "application/json" },
    body: JSON.stringify({
      file_name: file.name,
      mime_type: typeOf(file),
      content_length: file.size,
      custom_metadata: { description },
    }),
  }));
}

function put(url, file, type, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", url);
    request.setRequestHeader("Content-Type", type);
    request.upload.onprogress = (event) => onProgress(event.loaded / event.total);
    request.onload = () => (
      request.status < 300 ? resolve() : reject(new Error(`The image store answered ${request.status}.`))
    );
    request.onerror = () => reject(new Error("The connection broke. Try again."));
    request.send(file);
  });
}

async function settled(id) {
  const end = Date.now() + LONGEST_WAIT;
  for (;;) {
    const image = await ours(`/images/${id}`);
    if ((image.status !== "PENDING" && image.status !== "PROCESSING") || Date.now() > end) return image;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

async function upload(file, description, onProgress) {
  if (file.size === 0) throw new Error("The file is empty.");
  if (file.size > configuration.max_bytes) {
    throw new Error(`The file has more than ${Math.floor(configuration.max_bytes / 1e6)} MB.`);
  }
  typeOf(file);
  const { uploadToken } = await ours("/upload-token", { method: "POST" });
  const created = await create(file, uploadToken, description);
  await put(created.upload_url, file, created.image.mime_type, onProgress);
  return settled(created.image.id);
}

function queue(files) {
  for (const file of files) {
    const entry = $("queued").content.cloneNode(true).firstElementChild;
    entry.querySelector(".name").textContent = file.name;
    entry.querySelector("input").value = file.name.replace(/\.\w+$/, "");
    entry.querySelector("progress").setAttribute("aria-label", `Upload of ${file.name}`);
    entry.file = file;
    $("queue").append(entry);
  }
  $("send").disabled = $("queue").children.length === 0;
}

async function send(entry) {
  const result = entry.querySelector(".result");
  const bar = entry.querySelector("progress");
  result.className = "result";
  result.textContent = "";
  try {
    const description = entry.querySelector("input").value;
    add(await upload(entry.file, description, (share) => { bar.value = share; }), true);
    entry.remove();
    return true;
  } catch (error) {
    result.className = "result bad";
    result.textContent = error.message;
    return false;
  }
}

async function sendAll() {
  $("send").disabled = true;
  const waiting = [...$("queue").children];
  const total = waiting.length;
  let done = 0;
  say(`Uploading ${total} ...`);
  const worker = async () => {
    // Not `done += await`, which reads `done` before it waits.
    while (waiting.length) if (await send(waiting.shift())) done += 1;
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  const left = total - done;
  say(left ? `${done} of ${total} uploaded; ${left} failed.` : `${done} uploaded.`);
  $("send").disabled = $("queue").children.length === 0;
}

function add(image, first) {
  const card = $("image").content.cloneNode(true).firstElementChild;
  const state = card.querySelector(".state");
  card.querySelector(".name").textContent = image.description || image.name;
  if (image.status === "READY") {
    const picture = document.createElement("img");
    picture.src = image.url;
    picture.alt = image.description;
    picture.loading = "lazy";
    card.querySelector("figure").prepend(picture);
  } else {
    state.textContent = image.problem ? `Rejected: ${image.problem}` : "Not ready yet.";
    if (image.problem) state.classList.add("bad");
  }
  const button = card.querySelector(".delete");
  button.hidden = !configuration.signed_in;
  button.setAttribute("aria-label", `Delete ${image.description || image.name}`);
  button.onclick = () => attempt(async () => {
    await ours(`/images/${image.id}`, { method: "DELETE" });
    card.remove();
    $("empty").hidden = $("images").children.length > 0;
  });
  $("images")[first ? "prepend" : "append"](card);
  $("empty").hidden = true;
}

function show(signedIn) {
  configuration.signed_in = signedIn;
  $("sign-in").hidden = signedIn;
  $("upload").hidden = !signedIn;
  $("sign-out").hidden = !signedIn;
  for (const button of document.querySelectorAll(".delete")) button.hidden = !signedIn;
}

async function attempt(work) {
  complain("");
  try {
    await work();
  } catch (error) {
    complain(error.message);
  }
}

$("sign-in").onsubmit = (event) => {
  event.preventDefault();
  attempt(async () => {
    await ours("/session", { method: "POST", body: new FormData($("sign-in")) });
    $("password").value = "";
    show(true);
  });
};
$("sign-out").onclick = () => attempt(async () => {
  await ours("/session", { method: "DELETE" });
  show(false);
});
$("upload").onsubmit = (event) => {
  event.preventDefault();
  sendAll();
};
$("files").onchange = (event) => {
  queue(event.target.files);
  event.target.value = "";
};
for (const kind of ["dragover", "dragleave", "drop"]) {
  $("drop").addEventListener(kind, (event) => {
    event.preventDefault();
    $("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop") queue(event.dataTransfer.files);
  });
}
attempt(async () => {
  configuration = await ours("/configuration");
  try {
    const images = await ours("/images");
    images.forEach((image) => add(image, false));
    $("empty").hidden = images.length > 0;
  } finally {
    show(configuration.signed_in); // Not earlier: an image uploaded meanwhile could be in the list as well.
  }
});

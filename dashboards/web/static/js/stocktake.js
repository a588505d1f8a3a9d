// Counting with a phone: type or scan a number; what cannot be sent now is kept on the phone and sent when the net is back.
// Counts may arrive twice without harm: the last one of a thing stands.
'use strict';

const counter = document.getElementById('counter');
const form = document.getElementById('count-form');
const said = document.getElementById('counted');
const store = `stocktake-${counter.dataset.stocktake}`;
const queue = () => JSON.parse(localStorage.getItem(store) ?? '[]');
const keep = (counts) => { localStorage.setItem(store, JSON.stringify(counts)); showQueue(); };

function showQueue() {
  const waiting = queue().length;
  document.getElementById('queue').textContent = waiting ? counter.dataset.queued.replace('{count}', waiting) : '';
}

async function send(count) {
  const headers = { 'Content-Type': 'application/json', 'X-CSRF-Token': csrf };
  const response = await fetch(`/api/v1/stocktakes/${counter.dataset.stocktake}/count`, { method: 'POST', headers, body: JSON.stringify(count) });
  if (response.status === 401) location.href = '/sign-in?next=' + encodeURIComponent(location.pathname);
  if (response.status >= 500) throw new Error('not now');
  return { status: response.status, answer: await response.json().catch(() => ({})) };
}

function show({ line, counts }) {
  for (const [name, count] of Object.entries(counts)) {
    const place = document.querySelector(`[data-count="${name}"]`);
    if (place) place.textContent = count;
  }
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0) - counts.surplus;
  document.getElementById('progress').value = total ? 1 - counts.not_counted / total : 1;
  const name = lang.startsWith('zh') ? line.name_zh : line.name;
  const result = document.querySelector(`[data-count="${line.result}"]`).parentElement.firstChild.textContent.trim();
  said.textContent = `✓ ${name} (${line.tag}): ${result}`;
  said.className = line.result === 'found' ? 'good-text' : 'warn-text';
  navigator.vibrate?.(line.result === 'found' ? 60 : [60, 60, 60]);
}

async function count(given) {
  said.textContent = '';
  try {
    const { status, answer } = await send(given);
    if (status === 404 && !given.name) { askName(); return; }
    if (status >= 400) { said.textContent = refusal(status, answer.detail || answer.title); said.className = 'bad-text'; return; }
    show(answer);
  } catch {
    keep([...queue().filter((one) => one.tag !== given.tag), given]);
  }
  for (const name of ['tag', 'name', 'note']) form.elements[name].value = '';
  document.getElementById('surplus-name').hidden = true;
  form.elements.tag.focus();
}

function askName() {
  said.textContent = counter.dataset.unknown;
  said.className = 'warn-text';
  document.getElementById('surplus-name').hidden = false;
  form.elements.name.focus();
}

let sending = false;
async function sendQueued() {
  if (sending) return;
  sending = true;
  try {
    for (const one of queue()) {
      const { status, answer } = await send(one);
      if (status >= 400) { said.textContent = `${one.tag}: ${refusal(status, answer.detail || answer.title)}`; said.className = 'bad-text'; } else show(answer);
      keep(queue().filter((other) => other.tag !== one.tag));
    }
  } catch { /* still no connection: the next round tries again */ } finally { sending = false; }
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  const given = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, value.trim()]).filter(([, value]) => value));
  if (!given.tag && !given.name) { form.elements.tag.focus(); return; }
  given.tag ??= `SURPLUS-${Math.random().toString(16).slice(2, 10).toUpperCase()}`;
  count(given);
});
document.getElementById('no-label').addEventListener('click', () => { form.elements.tag.value = ''; askName(); });
addEventListener('online', sendQueued);
setInterval(() => { if (queue().length) sendQueued(); }, 10000);
showQueue();
if (queue().length) sendQueued();

// The camera, where the browser can read codes by itself; everywhere else the phone's own camera opens the label's address.
const scan = document.getElementById('scan');
const camera = document.getElementById('camera');
let stream = null;
let last = '';
if ('BarcodeDetector' in window && navigator.mediaDevices?.getUserMedia) scan.hidden = false;

async function startCamera() {
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
  } catch {
    said.textContent = counter.dataset.noCamera;
    return;
  }
  camera.srcObject = stream;
  camera.hidden = false;
  await camera.play();
  look(new BarcodeDetector({ formats: ['qr_code'] }));
}

async function look(detector) {
  if (!stream) return;
  const [code] = await detector.detect(camera).catch(() => []);
  if (code && code.rawValue !== last) {
    last = code.rawValue;
    form.elements.tag.value = last.replace(/^.*\/a\//, '').replace(/[/?#].*$/, '');
    form.requestSubmit();
  }
  setTimeout(() => look(detector), 250);
}

scan.addEventListener('click', () => {
  if (!stream) { startCamera(); return; }
  stream.getTracks().forEach((track) => track.stop());
  stream = null;
  last = '';
  camera.hidden = true;
});

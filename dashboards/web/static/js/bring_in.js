// A table is sent to be looked at, its rows and errors are shown, and only then it is stored.
'use strict';

const bringIn = document.getElementById('bring-in');
const seen = document.getElementById('seen');
const storeButton = document.getElementById('store');
const filled = (text, facts) => text.replace(/\{(\w+)\}/g, (_, name) => facts[name]);

async function sendTable(query) {
  const file = bringIn.elements.file.files[0];
  const answer = bringIn.querySelector('.answer');
  answer.textContent = '';
  const address = `/api/v1/imports/${bringIn.dataset.kind}?` + new URLSearchParams({ filename: file.name.slice(-200), ...query });
  try {
    const headers = { 'Content-Type': 'application/octet-stream', 'X-CSRF-Token': csrf };
    const response = await fetch(address, { method: 'POST', headers, body: file });
    const told = await response.json().catch(() => ({}));
    if (!response.ok) { answer.textContent = refusal(response.status, told.detail || told.title); seen.hidden = true; return null; }
    return told;
  } catch {
    answer.textContent = document.body.dataset.failed;
    return null;
  }
}

function cells(row, texts, classes = []) {
  texts.forEach((text, index) => {
    const cell = row.insertCell();
    cell.textContent = text;
    if (classes[index]) cell.className = classes[index];
  });
}

function show(told) {
  seen.hidden = false;
  const facts = { ...told, errors: told.error_count };
  document.getElementById('summary').textContent = filled(told.stored ? bringIn.dataset.stored : bringIn.dataset.rows, facts);
  const errors = document.querySelector('#errors tbody');
  errors.replaceChildren();
  for (const error of told.errors) cells(errors.insertRow(), [error.row, error.column, error.message], ['n', 'mono', '']);
  document.getElementById('errors').hidden = !told.errors.length;
  showSamples(told.samples);
  storeButton.hidden = told.stored || !told.good;
  storeButton.textContent = told.errors.length ? storeButton.dataset.part : storeButton.dataset.all;
  storeButton.dataset.partly = told.errors.length ? '1' : '0';
}

function showSamples(samples) {
  const names = [...new Set(samples.flatMap((sample) => Object.keys(sample)))];
  const head = document.querySelector('#samples thead tr');
  head.replaceChildren(...names.map((name) => Object.assign(document.createElement('th'), { textContent: name })));
  const body = document.querySelector('#samples tbody');
  body.replaceChildren();
  for (const sample of samples) cells(body.insertRow(), names.map((name) => sample[name] ?? ''));
  document.getElementById('samples').hidden = !samples.length;
}

bringIn.addEventListener('submit', async (event) => {
  event.preventDefault();
  const told = await sendTable({});
  if (told) show(told);
});
storeButton.addEventListener('click', async () => {
  storeButton.disabled = true;
  const told = await sendTable({ commit: '1', partly: storeButton.dataset.partly });
  storeButton.disabled = false;
  if (told) show(told);
});
bringIn.elements.file.addEventListener('change', () => { seen.hidden = true; });

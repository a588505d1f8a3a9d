// What every page shares: ages that keep counting, forms that act through the API, live lists, sound for life safety.
'use strict';

const lang = document.body.dataset.lang;
const csrf = document.querySelector('meta[name="csrf-token"]')?.content ?? '';
const relative = new Intl.RelativeTimeFormat(lang, { numeric: 'always', style: 'short' });
const units = [['day', 86400], ['hour', 3600], ['minute', 60], ['second', 1]];

function age(iso) {
  const seconds = (new Date(iso) - Date.now()) / 1000;
  if (Math.abs(seconds) < 5) return document.body.dataset.now;
  const [unit, size] = units.find(([, size]) => Math.abs(seconds) >= size * 1.2) ?? ['second', 1];
  return relative.format(Math.round(seconds / size), unit);
}

function refreshAges(root = document) {
  for (const time of root.querySelectorAll('time[data-ago]')) time.textContent = age(time.dateTime);
}
setInterval(refreshAges, 10000);

// Forms with data-api are sent to the API as JSON; the answer decides what happens next.
function body(form, only) {
  const values = {};
  for (const field of form.elements) {
    if (!field.name || (only && field.name !== only) || (field.type === 'radio' && !field.checked)) continue;
    if ('pairs' in field.dataset) { values[field.name] = { ...values[field.name], ...pairs(field) }; continue; }
    const told = valueOf(field);
    if (told !== undefined) put(values, field, told);
  }
  return values;
}

// A box is true or false where it stands for a fact, else its value where it is ticked; an empty field is left out, or null to clear.
function valueOf(field) {
  if (field.type === 'checkbox' && 'boolean' in field.dataset) return field.checked;
  if (field.type === 'checkbox' && !field.checked) return undefined;
  if (field.value === '') return 'null' in field.dataset ? null : undefined;
  if ('words' in field.dataset) return field.value.split(/[\s,，]+/).filter(Boolean);
  return 'number' in field.dataset ? Number(field.value) : field.value;
}

function put(values, field, told) {
  const dot = field.name.indexOf('.');
  if ('list' in field.dataset) (values[field.name] ??= []).push(told);
  else if (dot > 0) (values[field.name.slice(0, dot)] ??= {})[field.name.slice(dot + 1)] = told;
  else values[field.name] = told;
}

// "name = value" in each line; a line that was there before and is gone clears its name.
function pairs(field) {
  const read = (text) => Object.fromEntries(text.split('\n').map((line) => line.split(/=(.*)/s).map((part) => part.trim())).filter(([name, value]) => name && value));
  const cleared = Object.fromEntries(Object.keys(read(field.defaultValue)).map((name) => [name, null]));
  return { ...cleared, ...read(field.value) };
}

function parts(form) {
  const data = new FormData(form);
  for (const [name, value] of [...data]) if (value === '' || (value instanceof File && !value.size)) data.delete(name);
  return data;
}

function refusal(status, detail) {
  const words = document.body.dataset;
  const why = status >= 500 ? words.failed : status === 403 ? words.refused : [404, 409].includes(status) ? words.conflict : words.wrong;
  return detail ? `${why}: ${detail}` : why;
}

async function act(form, pressed) {
  const answer = form.querySelector('.answer');
  const buttons = form.querySelectorAll('button');
  const files = form.enctype === 'multipart/form-data';
  const headers = { 'X-CSRF-Token': csrf, ...(files ? {} : { 'Content-Type': 'application/json' }) };
  if ('once' in form.dataset) headers['Idempotency-Key'] = form.dataset.key ??= crypto.randomUUID?.() ?? String(Math.random()).slice(2);
  answer.textContent = '';
  buttons.forEach((button) => { button.disabled = true; });
  try {
    const response = await fetch(pressed?.dataset.api ?? form.dataset.api, { method: form.dataset.method ?? 'POST', headers, body: files ? parts(form) : JSON.stringify(body(form, pressed?.dataset.only)) });
    if (response.status === 401) { location.href = '/sign-in?next=' + encodeURIComponent(location.pathname + location.search); return; }
    const said = await response.json().catch(() => ({}));
    if (!response.ok) { answer.textContent = refusal(response.status, said.detail || said.title); return; }
    done(form, said);
  } catch {
    answer.textContent = document.body.dataset.failed;
  } finally {
    buttons.forEach((button) => { button.disabled = false; });
  }
}

function done(form, said) {
  if (form.dataset.tell) { // a secret, shown this once
    const told = form.querySelector('.told');
    told.hidden = false;
    told.querySelector('input').value = said[form.dataset.tell];
    return;
  }
  if (form.dataset.then) { location.href = form.dataset.then.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(said[name])); return; }
  form.reset();
  delete form.dataset.key; // the next one is another
  form.closest('details')?.setAttribute('data-done', ''); // the next swap closes it; closing it here, under a finger, crashes Chromium
  document.activeElement?.blur();
  lookAgain();
}

function lookAgain() {
  htmx.trigger(document.body, 'changed');
  const panel = document.getElementById('panel');
  if (panel) htmx.trigger(panel, 'panel-refresh');
}

document.addEventListener('submit', (event) => {
  const form = event.target;
  if (form.dataset.api) { event.preventDefault(); act(form, event.submitter); }
});

// Filters: choosing is enough, and empty fields stay out of the address.
document.addEventListener('change', (event) => {
  const form = event.target.form;
  if (form && 'auto' in form.dataset) form.requestSubmit();
});
document.addEventListener('formdata', (event) => {
  if (event.target.method !== 'get') return;
  for (const [name, value] of [...event.formData]) if (value === '') event.formData.delete(name);
});

// The demo's people fill in the form with one click.
document.addEventListener('click', (event) => {
  const button = event.target.closest('[data-fill-user]');
  if (!button) return;
  document.getElementById('username').value = button.dataset.fillUser;
  document.getElementById('password').value = button.dataset.fillPassword;
  document.querySelector('#sign-in button').focus();
});

// Live parts: never swapped under somebody's fingers; open details stay open.
const opened = new Set();
function busy(box) {
  const field = document.activeElement;
  const typing = box.contains(field) && field.matches('input, textarea, select');
  return typing || [...box.querySelectorAll('textarea')].some((area) => area.value !== area.defaultValue);
}
document.body.addEventListener('htmx:beforeRequest', (event) => {
  const box = event.detail.target;
  if (box && 'live' in box.dataset && busy(box)) event.preventDefault();
});
let pressed = false;
document.addEventListener('pointerdown', () => { pressed = true; }, true);
for (const end of ['pointerup', 'pointercancel']) document.addEventListener(end, () => setTimeout(() => { pressed = false; }, 100), true);

function same(box, html) {
  const fresh = html.match(new RegExp(`id="${box.id}"[^>]*data-version="(\\w+)"`));
  return Boolean(fresh) && fresh[1] === box.dataset.version;
}

let again = null;
document.body.addEventListener('htmx:beforeSwap', (event) => {
  const { target: box, requestConfig, serverResponse } = event.detail;
  if (!box || requestConfig?.triggeringEvent?.type === 'click') return;
  if (pressed || ('live' in box.dataset && busy(box))) {
    event.detail.shouldSwap = false;
    clearTimeout(again);
    again = setTimeout(lookAgain, 1000);
  } else if (same(box, serverResponse)) {
    event.detail.shouldSwap = false;
  }
});
document.body.addEventListener('htmx:beforeSwap', () => {
  opened.clear();
  for (const details of document.querySelectorAll('details[open][id]:not([data-done])')) opened.add(details.id);
  for (const item of document.querySelectorAll('.alerts > .alert')) known.add(item.id);
});
document.body.addEventListener('htmx:afterSettle', () => {
  for (const id of opened) document.getElementById(id)?.setAttribute('open', '');
  for (const item of document.querySelectorAll('.alerts > .alert')) if (known.size && !known.has(item.id)) show(item);
  for (const item of document.querySelectorAll('.alerts > .alert')) known.add(item.id);
  refreshAges();
  showSound();
  listenForDanger();
});
const known = new Set();
function show(item) {
  item.classList.add('fresh');
  const heard = document.getElementById('announce');
  if (heard) heard.textContent = item.querySelector('.severity').textContent + ': ' + item.querySelector('.alert-what').textContent;
}

// The chosen alert follows its own changes, the worst one any change, unless somebody types a note.
document.body.addEventListener('sse:alert', (event) => {
  const panel = document.getElementById('panel');
  if (!panel || event.target === panel || busy(panel)) return;
  const said = JSON.parse(event.detail.data ?? '{}');
  if ('worst' in panel.dataset || String(said.id) === panel.dataset.alert) htmx.trigger(panel, 'panel-refresh');
});
document.body.addEventListener('htmx:afterSwap', (event) => {
  if (event.detail.target?.id === 'desk' && matchMedia('(max-width: 1023px)').matches) scrollTo(0, 0);
});

// What the screen shows is only as young as its connection.
let lostAt = null;
document.body.addEventListener('htmx:sseError', () => {
  lostAt ??= Date.now();
  const state = document.getElementById('link-state');
  setTimeout(() => {
    if (lostAt === null || !state) return;
    state.hidden = false;
    document.getElementById('link-since').textContent = new Date(lostAt).toLocaleTimeString(lang);
  }, 3000);
});
document.body.addEventListener('htmx:sseOpen', (event) => {
  // A stream that starts at a known change misses nothing; any other is followed by a fresh look.
  if (lostAt === null && !event.target.getAttribute('sse-connect').includes('after=')) htmx.trigger(document.body, 'changed');
  if (lostAt === null) return;
  lostAt = null;
  document.getElementById('link-state').hidden = true;
  htmx.trigger(document.body, 'changed');
});

// Sound: two falling tones every two seconds while a life-safety alert is not acknowledged. Browsers allow it after a click.
let audio = null;
let alarm = null;
const soundWanted = () => localStorage.getItem('sound') === 'on';

function showSound() {
  const button = document.getElementById('sound');
  if (!button) return;
  const on = soundWanted();
  button.setAttribute('aria-pressed', String(on));
  button.querySelector('span').textContent = on ? button.dataset.on : button.dataset.off;
}

function tone(frequency, at) {
  const oscillator = audio.createOscillator();
  const gain = audio.createGain();
  oscillator.frequency.value = frequency;
  gain.gain.setValueAtTime(0.25, at);
  gain.gain.exponentialRampToValueAtTime(0.001, at + 0.45);
  oscillator.connect(gain).connect(audio.destination);
  oscillator.start(at);
  oscillator.stop(at + 0.5);
}

function sound() {
  audio ??= new AudioContext();
  if (audio.state === 'suspended') audio.resume();
  if (audio.state !== 'running') return;
  tone(880, audio.currentTime);
  tone(660, audio.currentTime + 0.5);
}

function listenForDanger() {
  const list = document.getElementById('desk-list');
  const danger = Number(list?.dataset.unseen ?? 0) > 0;
  document.title = (danger ? '▲ ' : '') + document.title.replace(/^▲ /, '');
  if (danger && soundWanted() && alarm === null) { sound(); alarm = setInterval(sound, 2000); }
  if ((!danger || !soundWanted()) && alarm !== null) { clearInterval(alarm); alarm = null; }
}

document.addEventListener('click', (event) => {
  if (event.target.closest('#sound')) {
    localStorage.setItem('sound', soundWanted() ? 'off' : 'on');
    audio ??= new AudioContext();
    showSound();
    listenForDanger();
  } else if (soundWanted() && document.getElementById('desk-list')) {
    audio ??= new AudioContext();
    audio.resume();
  }
});

refreshAges();
showSound();
listenForDanger();
if ('serviceWorker' in navigator && isSecureContext) navigator.serviceWorker.register('/sw.js').catch(() => {});
const retry = document.querySelector('[data-retry]');
if (retry) setInterval(() => fetch('/healthz').then((r) => { if (r.ok) location.reload(); }).catch(() => {}), 5000);

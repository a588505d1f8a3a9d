// Only one duty: when the server cannot be reached, say so in a page of ours instead of the browser's.
'use strict';

const STORE = 'offline-1';

self.addEventListener('install', (event) => {
  event.waitUntil(keep().then(() => self.skipWaiting()));
});
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));
self.addEventListener('fetch', (event) => {
  if (event.request.mode === 'navigate') event.respondWith(fetch(event.request).catch(answer));
  else if (event.request.url.includes('/static/')) event.respondWith(fetch(event.request).catch(() => caches.match(event.request)));
});

async function keep() {
  const store = await caches.open(STORE);
  const page = await fetch('/offline', { credentials: 'omit' }); // nobody's name in the store
  const html = await page.clone().text();
  await store.put('/offline', page);
  const files = [...html.matchAll(/(?:href|src)="(\/static\/[^"#]+)/g)].map((match) => match[1]);
  await store.addAll([...new Set(files)]);
}

async function answer() {
  return (await caches.match('/offline')) ?? Response.error();
}

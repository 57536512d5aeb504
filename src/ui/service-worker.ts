/**
 * The page's service worker. It answers for a server that sends no headers: with those of cross-origin isolation a page may share memory with its workers.
 * Once it is asked to, it keeps the page's own files, and the page works without a network. The build writes the list of files into it (scripts/build.mjs).
 */

/** Of ServiceWorkerGlobalScope what is needed here: the types of the page's scripts have none of it. */
interface Scope {
  readonly registration: { readonly scope: string; readonly active: unknown };
  readonly clients: { claim(): Promise<void> };
  readonly location: Location;
  skipWaiting(): Promise<void>;
  addEventListener(
    type: 'install' | 'activate',
    listener: (event: { waitUntil(what: Promise<unknown>): void }) => void,
  ): void;
  addEventListener(
    type: 'message',
    listener: (event: {
      data: unknown;
      waitUntil(what: Promise<unknown>): void;
      source: { postMessage(message: unknown): void } | null;
    }) => void,
  ): void;
  addEventListener(
    type: 'fetch',
    listener: (event: { request: Request; respondWith(answer: Promise<Response>): void }) => void,
  ): void;
}
const scope = self as unknown as Scope;

/** Paths of the page's files relative to this script, and what tells this build from others. */
const FILES: readonly string[] = JSON.parse('__FILES__');
const OWN = new Set(FILES.map(path => new URL(path, scope.registration.scope).href));
/** Guests may be fetched after the page was built: the list of them is one that changes. */
const CATALOGUE = new URL('guests/catalogue.json', scope.registration.scope).href;
const CACHE = 'ringside-__BUILD__',
  CACHES = 'ringside-';
const ISOLATION = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

/** Of the page and of its workers (scripts/policy.mjs), for a server that sends none. */
const POLICY = '__POLICY__',
  WORKER_POLICY = '__WORKER_POLICY__';
const CSP = 'Content-Security-Policy';

// The first one is there at once; a later one waits until no page uses the files that it would drop.
scope.addEventListener('install', event =>
  event.waitUntil(scope.registration.active ? Promise.resolve() : scope.skipWaiting()),
);
scope.addEventListener('activate', event => {
  // Nobody waits for it. Firefox asks each client whether it has heard of it, workers, too (dom/clients/manager/ClientManagerService.cpp, Claim), and one that runs a
  // guest never returns to its event loop. Nothing is answered before this event has ended, and it would end when Firefox ends this worker.
  void scope.clients.claim();
  event.waitUntil(dropOthers());
});

async function dropOthers(): Promise<void> {
  for (const name of await caches.keys()) if (name.startsWith(CACHES) && name !== CACHE) await caches.delete(name);
}

scope.addEventListener('message', event => {
  if (event.data !== 'keep') return;
  event.waitUntil(
    keepAll().then(
      () => event.source?.postMessage('kept'),
      () => event.source?.postMessage('not kept'),
    ),
  );
});

/** Puts every file of the page that is not there yet into the cache. @throws TypeError where one cannot be fetched */
async function keepAll(): Promise<void> {
  const cache = await caches.open(CACHE);
  for (const path of FILES) {
    const address = new URL(path, scope.registration.scope).href;
    if (!(await cache.match(address))) await cache.add(address);
  }
}

scope.addEventListener('fetch', event => {
  const { request } = event;
  const address = new URL(request.url);
  // A disk image passes by: a browser may end a service worker that it takes for idle, and what the worker still hands on would end with it.
  if (request.method === 'GET' && (request.mode === 'navigate' || isOwn(address))) event.respondWith(answer(request));
});

const isOwn = ({ origin, pathname }: URL): boolean => OWN.has(origin + pathname);

/** The page itself and the list of guests from the network where there is one, so that what is new is seen; what has its content's hash in its name, from the cache. */
async function answer(request: Request): Promise<Response> {
  const isCatalogue = request.url === CATALOGUE,
    changes = request.mode === 'navigate' || isCatalogue;
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request, { ignoreSearch: true });
  if (kept && !changes) return isolated(kept, request, true);
  try {
    const fetched = await fetch(request);
    // Only where the page's files are kept at all.
    if (isCatalogue && kept && fetched.ok) await cache.put(request, fetched.clone());
    return isolated(fetched, request);
  } catch (error) {
    if (kept) return isolated(kept, request, true);
    throw error;
  }
}

/** Undefined: it is no file of the page's. A lesson may be shown in a frame of a course's page, and nothing else. */
function policyFor({ mode, url }: Request): string | undefined {
  const address = new URL(url);
  if (!isOwn(address)) return undefined;
  if (mode !== 'navigate') return WORKER_POLICY;
  const { searchParams } = address,
    isLesson = searchParams.get('embed') === '1' && searchParams.has('lesson');
  return POLICY.replace('__FRAMES__', isLesson ? '*' : "'none'");
}

/** Whether a policy is the one of this page, as our own server sent it with one address of the page. */
const isOwnPolicy = (policy: string): boolean => POLICY.startsWith(policy.split('frame-ancestors')[0]!);

/** `isKept`: it may have come for another address of the page. */
function isolated(answer: Response, request: Request, isKept = false): Response {
  if (answer.type === 'opaque' || answer.type === 'opaqueredirect' || answer.status === 0) return answer;
  const headers = new Headers(answer.headers);
  for (const [name, value] of Object.entries(ISOLATION)) headers.set(name, value);
  const given = headers.get(CSP),
    policy = policyFor(request);
  // What a server says itself counts.
  if (policy !== undefined && (given === null || (isKept && isOwnPolicy(given)))) headers.set(CSP, policy);
  const bodiless = [101, 204, 205, 304].includes(answer.status);
  return new Response(bodiless ? null : answer.body, { status: answer.status, statusText: answer.statusText, headers });
}

/** xenstored's tree: values, permissions, who watches, and what changed since the last look. */

import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { Inspected, StoreNode } from '../../dom0/service/index.ts';
import { host, nameOf, sentence } from '../host.ts';
import { PHONE } from '../media.ts';
import { Chip, Icon, ownerClass } from '../parts/marks.tsx';
import { inspector } from './frame.tsx';
import { Handshake, STATES } from './handshake.tsx';
import type { Shown, Target, Why } from './inspector.ts';

const words = {
  filter: 'Filter by path or value',
  nodes: (n: number, all: number) => (n === all ? `${all} nodes` : `${n} of ${all} nodes`),
  path: 'Path',
  value: 'Value',
  permissions: 'Permissions',
  watchers: 'Watched by',
  generation: 'Generation',
  fired: 'changed',
  nothing: 'xenstored does not answer.',
  noMatch: (text: string, hidden: number) => `No path or value contains ‘${text}’. ${hidden} nodes hidden.`,
  open: (path: string) => `Open ${path}`,
  close: (path: string) => `Close ${path}`,
  length: 'Length',
  bytes: (n: number) => `${n} byte${n === 1 ? '' : 's'}`,
  owner: (name: string) => `${name} owns it`,
  others: 'others',
  rights: { n: 'no access', r: 'read', w: 'write', b: 'read and write' } as Record<string, string>,
  watches: 'Watches',
  noWatch: 'Nobody watches this node or one above it.',
  on: (path: string) => `on ${path}`,
  heard: (n: number) => `fired ${n} time${n === 1 ? '' : 's'}`,
  quiet: 'not since it was set',
  writes: 'Last writes',
  wakes: (names: string) => `wakes ${names}`,
  by: 'written by',
  newValue: 'New value',
  write: 'Write',
  writeHint: 'As xenstore-write in Domain-0 does: who watches it wakes.',
  states: 'All nine states',
  statesAre: 'Each side writes only its own, and may skip one that it does not need.',
  choose: 'Choose a node.',
  modes: { sides: 'Both sides', tree: 'Tree', watched: 'Only watched' },
  shown: 'What is shown',
  firedAt: (ms: number) => `fired +${ms >= 1000 ? `${(ms / 1000).toFixed(2)} s` : `${ms.toFixed(ms < 10 ? 2 : 0)} ms`}`,
};
const EVERY_MS = 500,
  FIRED_MS = 2500;

/** `root`: where the part of the tree begins that it is shown in. */
type Row = StoreNode & { root: string };
interface Data {
  nodes: Row[];
  watches: Inspected['store']['watches'];
  /** When a look found a node written, by the page's clock. */
  changed: ReadonlyMap<string, number>;
  nowMs: number;
}

/** The part of the tree that a node belongs to, of those that are about a guest: its own, its back ends', the toolstack's; of the host all is one. */
const rootOf = (path: string, id: number | undefined): string | undefined =>
  (id === undefined
    ? /^\/[^/]+/
    : new RegExp(`^(/local/domain/${id}|/local/domain/0/backend/[^/]+/${id}|/libxl/${id})(?=/|$)`)
  ).exec(path)?.[0];
/** A guest's own part first. */
const rank = (root: string): number => (root.startsWith('/local/domain/0/') ? 1 : root.startsWith('/local') ? 0 : 2);

function open({ session }: Target) {
  let before: Map<string, StoreNode> | undefined;
  const changed = new Map<string, number>();
  return {
    async look(): Promise<Data> {
      const { nodes: all, watches } = await host.inspect('store', 0);
      const nodes = all
        .flatMap((node): Row[] => {
          const root = rootOf(node.path, session?.id);
          return root === undefined ? [] : [{ ...node, root }];
        })
        .sort((a, b) => rank(a.root) - rank(b.root) || byParts(a.path, b.path));
      const nowMs = performance.now();
      for (const node of nodes) {
        const old = before?.get(node.path);
        // A node's generation changes with its children, too: that is no write to it.
        const isWritten = old
          ? old.generation !== node.generation && old.children === node.children
          : before !== undefined;
        if (isWritten) changed.set(node.path, nowMs);
      }
      before = new Map(nodes.map(node => [node.path, node]));
      return { nodes, watches, changed: new Map(changed), nowMs };
    },
  };
}

/** A folder before what is in it, numbers as numbers. */
function byParts(a: string, b: string): number {
  const left = a.split('/'),
    right = b.split('/');
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    if (left[i] === right[i]) continue;
    const numbers = Number(left[i]) - Number(right[i]);
    return Number.isNaN(numbers) ? (left[i]! < right[i]! ? -1 : 1) : numbers;
  }
  return left.length - right.length;
}

const watchersOf = (path: string, watches: Data['watches']): Data['watches'] =>
  watches.filter(watch => path === watch.path || path.startsWith(`${watch.path === '/' ? '' : watch.path}/`));

/** Domains that hear of a change, with how many of their programs do. */
function watcherText(path: string, watches: Data['watches']): string {
  const counts = new Map<number, number>();
  for (const { domid } of watchersOf(path, watches)) counts.set(domid, (counts.get(domid) ?? 0) + 1);
  return [...counts].map(([domid, count]) => `${nameOf(domid)}${count > 1 ? ` × ${count}` : ''}`).join(', ');
}

const isState = (path: string): boolean => /\/state$/.test(path) && /\/(device|backend)\//.test(path);
const shownValue = ({ path, value }: StoreNode) => (
  <>
    {value}
    {isState(path) && STATES[Number(value)] && <span class="sec"> {STATES[Number(value)]}</span>}
    {/\/memory\/(target|static-max|videoram)$/.test(path) && Number(value) > 0 && (
      <span class="sec"> {Math.round(Number(value) / 1024)} MiB</span>
    )}
  </>
);

/** Where nothing was chosen: the state of a device, in which two sides meet. */
const chosenPath = ({ data, chosen }: Shown<Data>): string =>
  chosen || (data.nodes.find(({ path }) => isState(path)) ?? data.nodes[0])?.path || '';

function Figure(shownNow: Shown<Data>) {
  const { data, choose } = shownNow,
    chosen = chosenPath(shownNow);
  const filter = useSignal(''),
    mode = useSignal<keyof typeof words.modes>(isState(chosen) ? 'sides' : 'tree');
  // At first only that is open which leads to the two sides of the device: the tree begins at its root, and both are near it.
  const closed = useSignal<ReadonlySet<string>>(
    useMemo(() => {
      const ways = [chosen, otherSide(data.nodes, chosen)];
      return new Set(
        isState(chosen)
          ? data.nodes
              .filter(({ path, children }) => children > 0 && !ways.some(way => way?.startsWith(`${path}/`)))
              .map(({ path }) => path)
          : [],
      );
    }, []),
  );
  const pair = isState(chosen) ? otherSide(data.nodes, chosen) : undefined;
  const body = useRef<HTMLTableSectionElement>(null);
  const text = filter.value.trim().toLowerCase();
  const { nodes, watches, changed, nowMs } = data,
    sides = sidesOf(nodes, chosen),
    onlyWatched = mode.value === 'watched',
    isSides = mode.value === 'sides' && text === '' && sides !== undefined;
  const isHit = ({ path, value }: StoreNode): boolean =>
    (!text || path.toLowerCase().includes(text) || value.toLowerCase().includes(text)) &&
    (!onlyWatched || watches.some(watch => watch.path === path));
  const isFlat = text !== '' || onlyWatched;
  const shown = isSides
    ? rowsOfSides(nodes, sides)
    : isFlat
      ? nodes.filter(isHit)
      : nodes.filter(({ path }) => ![...closed.value].some(each => path.startsWith(`${each}/`)));
  const toggle = (path: string, isOpen: boolean): void => {
    const next = new Set(closed.peek());
    if (isOpen) next.add(path);
    else next.delete(path);
    closed.value = next;
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const rows = [...body.current!.querySelectorAll<HTMLElement>('.pickrow')],
      at = rows.indexOf(document.activeElement as HTMLElement);
    if (at < 0) return;
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      rows[Math.max(0, Math.min(rows.length - 1, to))]?.focus();
      return;
    }
    const node = shown[at];
    if (!node || node.children === 0 || isFlat || (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight')) return;
    event.preventDefault();
    toggle(node.path, event.key === 'ArrowLeft');
  };
  // What the panel beside the tree describes is in view from the beginning.
  useEffect(() => {
    const row = body.current?.querySelector<HTMLElement>('tr.sel');
    if (!matchMedia(PHONE).matches) row?.scrollIntoView({ block: 'nearest' });
  }, []);
  const { session } = shownNow.target;
  const stop = shown.some(({ path }) => path === chosen) ? chosen : shown[0]?.path;
  return (
    <div class="col xs">
      <div class="row">
        <label class="in s grow">
          <Icon name="search" />
          <input
            type="text"
            aria-label={words.filter}
            placeholder={words.filter}
            value={filter.value}
            onInput={event => {
              filter.value = event.currentTarget.value;
            }}
          />
          <span class="u">{words.nodes(shown.length, nodes.length)}</span>
        </label>
        <div class="seg" role="group" aria-label={words.shown}>
          {(['sides', 'tree', 'watched'] as const).map(each => (
            <button
              key={each}
              disabled={each === 'sides' && !sides}
              aria-pressed={each === 'sides' ? isSides : each === mode.value}
              onClick={() => {
                mode.value = each;
              }}
            >
              {words.modes[each]}
            </button>
          ))}
        </div>
      </div>
      {shown.length === 0 && <p class="hint">{words.noMatch(filter.value, nodes.length)}</p>}
      <div class="tree-w">
        <div class="tree-i">
          <table class="xst picks">
            <thead>
              <tr>
                <th>{words.path}</th>
                <th>{words.value}</th>
                <th>{words.permissions}</th>
                <th>{words.watchers}</th>
              </tr>
            </thead>
            <tbody ref={body} onKeyDown={onKeyDown}>
              {shown.map(node => {
                const { path, permissions, children, root } = node,
                  depth = isSides
                    ? Number(children === 0)
                    : isFlat
                      ? 0
                      : path.split('/').length - root.split('/').length,
                  isOpen = !closed.value.has(path);
                const fired = nowMs - (changed.get(path) ?? -Infinity) < FIRED_MS,
                  heard = isSides && isState(path) ? node.writes.findLast(write => write.heard.length > 0) : undefined;
                return (
                  <tr
                    key={path}
                    class={`${children > 0 ? 'branch' : 'leaf'}${path === chosen ? ' sel' : ''}${path === pair ? ' pair' : ''}${fired ? ' fired' : ''}`}
                    onClick={() => choose(path)}
                    style={`--d:${depth}`}
                  >
                    <td class="m p">
                      {!isFlat && !isSides && children > 0 ? (
                        <button
                          class="twist"
                          tabIndex={-1}
                          aria-label={isOpen ? words.close(path) : words.open(path)}
                          onClick={event => {
                            event.stopPropagation();
                            toggle(path, isOpen);
                          }}
                        >
                          <Icon name={isOpen ? 'down' : 'right'} size={9} />
                        </button>
                      ) : (
                        <i />
                      )}
                      <button
                        class="pickrow"
                        tabIndex={path === stop ? 0 : -1}
                        aria-pressed={path === chosen}
                        aria-label={path}
                        onClick={() => choose(path)}
                      >
                        {depth === 0
                          ? path
                          : path.slice((isSides ? root : path.slice(0, path.lastIndexOf('/'))).length + 1)}
                      </button>
                    </td>
                    <td class="v m">{shownValue(node)}</td>
                    <td class="r m nw">
                      <Chip id={Number(/\d+/.exec(permissions)?.[0] ?? 0)} /> {permissions}
                    </td>
                    <td class="w">
                      {watcherText(path, watches)}
                      {heard && <span class="fw">{words.firedAt(heard.ms - sides!.sinceMs)}</span>}
                      {fired && <span class="fw">{words.fired}</span>}
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      </div>
      {sides?.front && sides.back && session && (
        <Handshake
          front={sides.front}
          back={sides.back}
          nodes={nodes}
          device={sides.device}
          guest={{ id: session.id, name: nameOf(session.id) }}
          backId={0}
        />
      )}
    </div>
  );
}

/** A refusal stands below the field, which keeps what was written. */
function Write({ path }: { path: string }) {
  const problem = useSignal('');
  const write = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    try {
      await host['store-write'](path, String(new FormData(form).get('value') ?? ''));
      problem.value = '';
      form.reset();
    } catch (error) {
      problem.value = sentence(error);
    }
  };
  return (
    <form title={words.writeHint} onSubmit={event => void write(event)}>
      <p class="row">
        <input
          class="in s grow"
          name="value"
          autocomplete="off"
          spellcheck={false}
          aria-label={words.newValue}
          placeholder={words.newValue}
        />
        <button class="btn sm">{words.write}</button>
      </p>
      {problem.value && (
        <p class="stop" role="alert">
          {problem.value}
        </p>
      )}
    </form>
  );
}

function Detail(shown: Shown<Data>) {
  const { data } = shown,
    chosen = chosenPath(shown);
  const node = data.nodes.find(({ path }) => path === chosen);
  if (!node) return <p class="hint">{words.choose}</p>;
  const [owner, ...others] = node.permissions.split(',');
  const watchers = watchersOf(node.path, data.watches),
    last = node.writes.at(-1);
  return (
    <>
      <h3 class="m path-t">{node.path}</h3>
      {last && (
        <p class="sec">
          {words.by} <b class={`dom ${ownerClass(last.by)}`}>{nameOf(last.by)}</b> at {clock(last.ms)}
        </p>
      )}
      <dl class="kv">
        <dt>{words.value}</dt>
        <dd>{shownValue(node)}</dd>
        <dt>{words.length}</dt>
        <dd>{words.bytes(node.bytes)}</dd>
        <dt>{words.generation}</dt>
        <dd>{node.generation}</dd>
      </dl>
      <Write key={node.path} path={node.path} />
      <section>
        <h4>
          {words.permissions} {node.permissions}
        </h4>
        <table class="bitst">
          <tbody>
            <tr>
              <td class="m b">{owner}</td>
              <td class="sec">
                {words.owner(nameOf(Number(owner!.slice(1))))}; {words.others}: {words.rights[owner![0]!]}
              </td>
            </tr>
            {others.map(each => (
              <tr key={each}>
                <td class="m b">{each}</td>
                <td class="sec">
                  {nameOf(Number(each.slice(1)))}: {words.rights[each[0]!]}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      <section>
        <h4>{words.watches}</h4>
        {watchers.length === 0 ? (
          <p class="sec">{words.noWatch}</p>
        ) : (
          <table class="bitst">
            <tbody>
              {watchers.map(({ domid, path }, i) => {
                const fired = node.writes.reduce(
                  (sum, { heard }) => sum + (heard.some(each => each.domid === domid) ? 1 : 0),
                  0,
                );
                return (
                  <tr key={i}>
                    <td>
                      <Chip id={domid} /> {nameOf(domid)}
                      {path !== node.path && <span class="m dim"> {words.on(path)}</span>}
                    </td>
                    <td class="num m nw">{fired > 0 ? words.heard(fired) : words.quiet}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        )}
      </section>
      {last && (
        <section>
          <h4>{words.writes}</h4>
          <table class="bitst">
            <tbody>
              {[...node.writes.keys()].reverse().map(i => {
                const { ms, value, by, heard } = node.writes[i]!,
                  before = node.writes[i - 1]?.value;
                return (
                  <tr key={i}>
                    <td class="m nw">{clock(ms)}</td>
                    <td class="m v">{before === undefined ? value : `${before} → ${value}`}</td>
                    <td class="sec">
                      {nameOf(by)}
                      {heard.length > 0 && `, ${words.wakes(heard.map(({ domid }) => nameOf(domid)).join(', '))}`}
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </section>
      )}
      {isState(node.path) && (
        <section>
          <h4>{words.states}</h4>
          <p class="sec small">
            {STATES.map((name, i) => `${i} ${name}`).join(', ')}. {words.statesAre}
          </p>
        </section>
      )}
    </>
  );
}

/** The state of the other side of a device, of which `path` is a state. */
function otherSide(nodes: readonly StoreNode[], path: string): string | undefined {
  const folder = path.replace(/\/state$/, '');
  const other = nodes.find(
    each => each.path === `${folder}/${folder.includes('/backend/') ? 'frontend' : 'backend'}`,
  )?.value;
  return other === undefined ? undefined : `${other}/state`;
}

interface Sides {
  front: Row | undefined;
  back: Row | undefined;
  device: string;
  sinceMs: number;
}

/** Both halves of the device that a node is of. */
function sidesOf(nodes: readonly Row[], chosen: string): Sides | undefined {
  const folder = /^(.*\/(?:device|backend\/[^/]+)\/(?:[^/]+\/)?\d+)(?=\/|$)/.exec(chosen)?.[1],
    own = folder === undefined ? undefined : `${folder}/state`;
  const other = own === undefined ? undefined : otherSide(nodes, own),
    at = (path: string | undefined): Row | undefined => nodes.find(node => node.path === path);
  if (!own || !at(own)) return undefined;
  const [front, back] = own.includes('/backend/') ? [at(other), at(own)] : [at(own), at(other)];
  return {
    front,
    back,
    device: (front ?? back)!.path.split('/').slice(-3, -1).join(' '),
    sinceMs: Math.min(...[front, back].map(node => node?.writes[0]?.ms ?? Infinity)),
  };
}

/** The directory of each half; its state, which the two halves meet by, at once. */
function rowsOfSides(nodes: readonly Row[], { front, back }: Sides): Row[] {
  return [front, back].flatMap(state => {
    if (!state) return [];
    const folder = state.path.replace(/\/state$/, '');
    return [
      ...nodes.filter(({ path }) => path === folder).map(node => ({ ...node, root: folder })),
      { ...state, root: folder },
      ...nodes
        .filter(({ path, children }) => path.startsWith(`${folder}/`) && children === 0 && path !== state.path)
        .map(node => ({ ...node, root: folder })),
    ];
  });
}

/** Of Domain 0's clock. */
const clock = (ms: number): string =>
  `${String(Math.floor(ms / 60_000)).padStart(2, '0')}:${((ms % 60_000) / 1000).toFixed(3).padStart(6, '0')}`;

/** What a node is for, by its name. Sources: docs/misc/xenstore-paths.pandoc, io/blkif.h, io/netif.h. */
const WHY: readonly (readonly [name: RegExp, why: Why])[] = [
  [
    /\/(device|backend)\/.*\/state$/,
    {
      question: 'Why two state nodes?',
      answer:
        'Neither side may write the other’s directory. Each writes its own state and watches the other’s, so xenstored wakes it and nobody polls.',
      source: 'xen/include/public/io/xenbus.h',
    },
  ],
  [
    /ring-(ref|page-order)\d*$/,
    {
      question: 'Why a number?',
      answer:
        'It is a grant reference: the front end has let Domain-0 map the page of the ring, and tells it here by which entry of its grant table.',
      source: 'xen/include/public/io/blkif.h',
    },
  ],
  [
    /event-channel(-tx|-rx)?$/,
    {
      question: 'Why a port?',
      answer:
        'The front end has opened an event channel for Domain-0. The back end binds to this port; from then on an event is a bit and no node of the store.',
      source: 'xen/include/public/event_channel.h',
    },
  ],
  [
    /\/memory\/target$/,
    {
      question: 'Who acts on it?',
      answer:
        'The guest’s balloon driver watches this node: xl mem-set writes it, and the driver gives pages back, or takes some, until it is there. In KiB.',
      source: 'docs/misc/xenstore-paths.pandoc',
    },
  ],
  [
    /\/cpu\/\d+\/availability$/,
    {
      question: 'Who acts on it?',
      answer:
        'The guest’s driver for processors watches this node and takes the vCPU on or off: xl vcpu-set only writes it.',
      source: 'docs/misc/xenstore-paths.pandoc',
    },
  ],
  [
    /\/control\/shutdown$/,
    {
      question: 'Who acts on it?',
      answer:
        'A driver in the guest watches this node. It empties it to say that it has read it, and shuts the guest down.',
      source: 'docs/misc/xenstore-paths.pandoc',
    },
  ],
  [
    /\/(backend|frontend)$/,
    {
      question: 'Why a path as a value?',
      answer:
        'Each half of a device names the other one here, so that either finds it, and whoever removes the device removes both.',
      source: 'xen/include/public/io/xenbus.h',
    },
  ],
  [
    /\/feature-/,
    {
      question: 'What is it for?',
      answer:
        'The two drivers may be of different years. Each writes what it can, and neither uses what the other has not offered.',
      source: 'xen/include/public/io',
    },
  ],
];

function why(shown: Shown<Data>): Why | undefined {
  const { data } = shown,
    chosen = chosenPath(shown);
  const node = data.nodes.find(({ path }) => path === chosen);
  if (!node) return undefined;
  const known = WHY.find(([name]) => name.test(node.path));
  if (known) return known[1];
  const owner = Number(node.permissions.split(',')[0]!.slice(1));
  return {
    question: `Why ${node.permissions}?`,
    answer: `The first entry names the owner, ${nameOf(owner)}, and what everybody else may do. Those that follow are exceptions for single domains; Domain-0 may do everything.`,
    source: 'docs/misc/xenstore.txt',
  };
}

export const XenStore = inspector<Data>({
  everyMs: EVERY_MS,
  nothing: words.nothing,
  open,
  Figure,
  Detail,
  why,
  tables: ({ nodes, watches }) => [
    {
      name: 'XenStore',
      columns: [words.path, words.value, words.permissions, words.watchers, words.generation],
      rows: nodes.map(({ path, value, permissions, generation }) => [
        path,
        value,
        permissions,
        watcherText(path, watches),
        generation,
      ]),
    },
    {
      name: words.watches,
      columns: ['Domain', words.path],
      rows: watches.map(({ domid, path }) => [nameOf(domid), path]),
    },
  ],
});

/** The pool's other hosts in the tree, each a connection with its guests as far as the pool tells of them. */
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { LookedGuest, LookedHost } from '../../dom0/service/index.ts';
import type { Action } from '../actions.ts';
import { go } from '../navigation.ts';
import { matching, tagsSaid } from '../order.ts';
import { Chip, Icon, StateMark } from '../parts/marks.tsx';
import { isExpanded, othersMatch, Row } from '../parts/tree.tsx';
import type { Place } from '../place.ts';
import { strings } from '../strings.ts';
import { followPool, pool } from './pool.ts';
import { words } from './words.ts';

/** Between two looks, as the tree looks at its own host. */
const TREE_MS = 3000;

/** Of them this many are remembered: members come and go under any names. */
const MOST_KNOWN = 64;

/** Hosts of this pool that were there while the page looked: one that is gone is listed, as a manager lists what it was connected to. */
const known = signal<{ url: string; hosts: ReadonlySet<string> }>({ url: '', hosts: new Set() });

/** What the pool tells of a host that is gone is its guests; of one without guests nothing. */
export function connectionsOf(hosts: readonly LookedHost[], remembered: ReadonlySet<string>): LookedHost[] {
  const reached = new Set(hosts.map(({ name }) => name));
  const gone = [...remembered].filter(name => !reached.has(name)).sort();
  return [
    ...hosts.filter(({ isMe }) => !isMe),
    ...gone.map(name => ({ name, isMe: false, isThere: false, guests: [] })),
  ];
}

const placeOf = (host: string, guest?: string): Place => ({
  kind: 'home',
  tab: 'pool',
  name: guest === undefined ? host : `${host}/${guest}`,
});

export function Connections({ text }: { text: string }) {
  useEffect(() => followPool(TREE_MS), []);
  const look = pool.value;
  const { url, hosts: remembered } = known.value;
  const there =
    look?.hosts
      .filter(({ isMe, isThere }) => isThere && !isMe)
      .map(({ name }) => name)
      .slice(0, MOST_KNOWN) ?? [];
  const hosts = look ? connectionsOf(look.hosts, url === look.url ? remembered : new Set()) : [];
  useEffect(() => {
    if (!look) return;
    const before = known.peek().url === look.url ? known.peek().hosts : new Set<string>();
    if (url !== look.url || there.some(name => !before.has(name)))
      known.value = { url: look.url, hosts: new Set([...there, ...before].slice(0, MOST_KNOWN)) };
  });
  const matches = matching(text);
  const shown = hosts.map(host => ({
    host,
    guests: host.guests.filter(({ name, state, tags }) => matches(name, stateOf(state), host.name, tagsSaid(tags))),
  }));
  const someMatch = text !== '' && shown.some(({ guests }) => guests.length > 0);
  useEffect(() => {
    othersMatch.value = someMatch;
  }, [someMatch]);
  useEffect(() => () => void (othersMatch.value = false), []);
  return (
    <>
      {shown
        .filter(({ host, guests }) => guests.length > 0 || matches(host.name))
        .map(({ host, guests }) => (
          <Connection key={host.name} host={host} guests={isExpanded(host.name) ? guests : []} />
        ))}
    </>
  );
}

/** Another host may say anything for it. */
const isState = (state: string): boolean => Object.hasOwn(strings.states, state);
export const stateOf = (state: string | undefined): string =>
  state === undefined ? words.lostGuest : isState(state) ? strings.states[state]! : state;

function Connection({ host, guests }: { host: LookedHost; guests: readonly LookedGuest[] }) {
  const { name, isThere } = host;
  const show: Action = { name: words.showHost(name), run: () => go(placeOf(name)) };
  const forget: Action = {
    name: words.forget(name),
    run: () => {
      const { url, hosts } = known.peek();
      known.value = { url, hosts: new Set([...hosts].filter(each => each !== name)) };
    },
  };
  return (
    <>
      <Row
        name={name}
        to={placeOf(name)}
        top
        fold={name}
        actions={() => [show, ...(isThere || host.guests.length > 0 ? [] : [forget])]}
        value={isThere ? host.guests.length || '' : words.disconnected}
      >
        <span class="dim">
          <Icon name="host" />
        </span>
        <span class={`nm${isThere ? ' b' : ' dim'}`}>{name}</span>
      </Row>
      {guests.map(guest => (
        <Row
          key={guest.uuid}
          name={guest.name}
          to={placeOf(name, guest.name)}
          actions={() => [{ name: words.showGuest(guest.name, name), run: () => go(placeOf(name, guest.name)) }]}
          value={isThere ? `${guest.memoryMiB} MiB` : words.lostGuest}
        >
          <Chip />
          {isThere ? (
            <StateMark state={guest.state !== undefined && isState(guest.state) ? guest.state : '-'} />
          ) : (
            <span class="st" />
          )}
          <span class="nm dim" title={guest.name}>
            {guest.name}
          </span>
        </Row>
      ))}
    </>
  );
}

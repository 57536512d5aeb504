/**
 * The tree: connections, which are this host (domains as xl lists them, what is defined, bridge, storage) and, in a pool, its others; at its foot machine memory
 * by owner, and where storage is kept.
 */

import { poolViews, treeTools } from '../parts.ts';
import { computed, signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { DefinedDomain, DiskInfo, DomainInfo, Inventory } from '../../dom0/service/index.ts';
import { type Action, definedActions, guestActions, hostActions, runsElsewhere } from '../actions.ts';
import { domains, info, nameOf } from '../host.ts';
import { matching, natural, tagsSaid } from '../order.ts';
import { beginAt, chosen, clear, filter, press, type RowKey, together, toggled } from '../selection.ts';
import { domain0History, halted, hostName, hostPart, inventory, partOf } from '../inventory.ts';
import { keptOffline } from '../offline.ts';
import { offers } from '../offered-guests.ts';
import { ownsMemory } from '../readings.ts';
import { frontGuest, sessions } from '../sessions.ts';
import { state } from '../shell-session.ts';
import { deleting, leaving } from '../leaving.ts';
import { draft, go, place, several, treeOpen } from '../navigation.ts';
import type { Place } from '../place.ts';
import { strings } from '../strings.ts';
import { gigabytes, size as sizeText } from '../units.ts';
import { hypervisorName, modeName } from '../hypervisors/of-host.ts';
import { pageWords } from '../hypervisors/own.ts';
import { bytes } from '../terminal.ts';
import { Chip, Icon, type IconName, ModeBadge, ownerClass, Spark, StateMark, SystemBadge } from './marks.tsx';
import { later } from './load-when-shown.tsx';
import { openMenu } from './menu.tsx';
import { Windowed } from './windowed.tsx';

const words = strings.tree;

const ChosenBar = later(treeTools, part => part.ChosenBar);
const Others = later(poolViews, part => part.Connections);
/** Connections of which only the row of the host is shown, by its name. */
const folded = signal<ReadonlySet<string>>(new Set());
/** What somebody looks for is not hidden. */
export const isExpanded = (of: string): boolean => !!filter.value.trim() || !folded.value.has(of);
/** What was typed matches a guest of another host. */
export const othersMatch = signal(false);
const byName = (a: { name: string }, b: { name: string }): number => natural(a.name, b.name);
/** By their names, as people count; of one name the older first. */
export const domainsInOrder = computed(() => [...domains.value].sort((a, b) => byName(a, b) || a.id - b.id));
export const definedInOrder = computed(() => [...halted.value].sort(byName));

/** Domains and definitions that have a row, and those that are offered in one. */
function rowsOf(text: string): { shown: DomainInfo[]; shownDefined: DefinedDomain[]; offered: DefinedDomain[] } {
  const matches = matching(text);
  const all = domains.value;
  const defined = definedInOrder.value;
  const shown = domainsInOrder.value.filter(domain =>
    matches(
      domain.name,
      strings.states[domain.state],
      modeName(domain.type),
      tagsSaid(inventory.value?.tags[domain.id]),
    ),
  );
  // The first page offers what a host is installed with: there it is listed once.
  const isOffered =
    !text &&
    all.length === 0 &&
    place.value.kind === 'home' &&
    (place.value.tab === undefined || place.value.tab === 'new');
  const offered = isOffered ? defined.filter(({ name }) => offers.value.some(({ id }) => id === name)) : [];
  const shownDefined = defined
    .filter(each => !offered.includes(each))
    .filter(({ name, type, description, tags }) => matches(name, words.defined, type, description, tagsSaid(tags)));
  return { shown, shownDefined, offered };
}

export function Tree() {
  const text = filter.value.trim();
  const seen = inventory.value;
  const { shown, shownDefined, offered } = rowsOf(text);
  const isFolded = !isExpanded(hostName.value);

  /** As they are below each other; nobody chooses what is folded. */
  const keys: RowKey[] = isFolded ? [] : [...shown, ...shownDefined].map(({ name }) => name);
  const reveal = useRef<((n: number) => void) | undefined>(undefined);
  const list = useRef<HTMLUListElement>(null);
  // One Tab stop, whatever is chosen or filtered out: the chosen row, else the first. Rows come, go and are chosen in a drawing of this part.
  void place.value;
  useLayoutEffect(() => {
    const rows = [...list.current!.querySelectorAll<HTMLElement>('[role=treeitem]')];
    const stop =
      rows.find(row => row === document.activeElement) ??
      rows.find(row => row.getAttribute('aria-current') === 'page') ??
      rows[0];
    for (const row of rows) row.tabIndex = row === stop ? 0 : -1;
  });
  const onKeyDown = (event: KeyboardEvent): void => {
    const its = { list, keys, reveal, hidden: keys.slice(shown.length) };
    if (treeTools.loaded) treeTools.loaded.pressInTree(event, its);
    // A person who is quicker than the script has it all the same.
    else
      void treeTools.load().then(
        ({ pressInTree }) => pressInTree(event, its),
        () => {},
      );
  };
  return (
    <nav class={`tree${treeOpen.value ? ' open' : ''}`} id="tree" aria-label={words.label} tabIndex={-1}>
      <input
        class="filter"
        type="search"
        placeholder={words.filter}
        aria-label={words.filter}
        value={filter.value}
        onInput={event => {
          filter.value = event.currentTarget.value;
        }}
      />
      {chosen.value.size > 0 && <ChosenBar />}
      <ul
        role="tree"
        ref={list}
        aria-label={words.label}
        aria-multiselectable="true"
        onKeyDown={onKeyDown}
        onFocusIn={() => void treeTools.load().catch(() => {})}
      >
        {hostRow()}
        {!isFolded && ownRows({ shown, shownDefined, offered, keys, reveal })}
        {seen?.nameInPool !== undefined && <Others text={text} />}
      </ul>
      {shown.length + shownDefined.length === 0 && !othersMatch.value && (
        <NoRows text={text} known={domains.value.length + definedInOrder.value.length} />
      )}
      <Foot />
    </nav>
  );
}

/** Why there is nothing to see. `known`: domains that there are. */
function NoRows({ text, known }: { text: string; known: number }) {
  if (known > 0 && text) return <p class="hint">{words.noMatch(filter.value, known)}</p>;
  if (draft.value || several.value || sessions.value.size > 0 || definedInOrder.value.length > 0) return null;
  return <p class="hint">{pageWords().tree.none}</p>;
}

// Groups of rows are drawn with the tree, which gives one of them its Tab stop: no components, which would be drawn by themselves.

interface OwnRows extends ReturnType<typeof rowsOf> {
  keys: readonly RowKey[];
  reveal: { current: ((n: number) => void) | undefined };
}

/** What this host has. */
function ownRows({ shown, shownDefined, offered, keys, reveal }: OwnRows) {
  const gone = [...sessions.value.values()].filter(session => session.gone.value);
  const seen = inventory.value,
    disk = seen?.stored?.disk;
  return (
    <>
      {domain0Row(domains.value.length + 1)}
      {shown.map(domain => (
        <DomainRow key={domain.id} domain={domain} keys={keys} />
      ))}
      {gone.map(session => (
        <DomainRow key={`gone-${session.id}`} domain={{ ...session.info.value, state: 's' }} keys={keys} />
      ))}
      {shownDefined.length > 0 && (
        <li class="grp" role="presentation">
          {words.definedGroup}
          <span>{shownDefined.length}</span>
        </li>
      )}
      <Windowed
        rows={shownDefined}
        spacer="li"
        reveal={reveal}
        draw={(each, n) => (
          <DefinedRow key={`defined-${each.name}`} domain={each} keys={keys} at={n + 1} of={shownDefined.length} />
        )}
      />
      {offered.length > 0 && (
        <Row name={words.offered} to={{ kind: 'home', tab: 'host' }} value={offered.length}>
          <Chip />
          <StateMark state="-" />
          <span class="nm dim">{words.offered}</span>
        </Row>
      )}
      {draftRows()}
      {seen && bridgeRows(seen.bridge)}
      {disk && storageRows(disk)}
    </>
  );
}

/** This host, as a manager of libvirt's names a connection. */
function hostRow() {
  return (
    <Row
      name={hostName.value}
      to={{ kind: 'home' }}
      also={['new', 'host', 'inspect', 'pool']}
      top
      fold={hostName.value}
      actions={hostActions}
      value={<HostLoad />}
    >
      <span class="dim">
        <Icon name="host" />
      </span>
      <span class="nm b" title={hostName.value}>
        {hostName.value}
      </span>
      <span class="nm sec" title={pageWords().tree.connection}>
        {pageWords().tree.connection}
      </span>
    </Row>
  );
}

/** Domain 0, above all others. */
function domain0Row(count: number) {
  return (
    <>
      <li class="grp" role="presentation">
        {words.domains}
        <span>{count}</span>
      </li>
      <Row
        name={nameOf(0)}
        to={{ kind: 'shell' }}
        actions={() => hostActions().slice(0, 3)}
        value={<Percent part={partOf(0)} />}
      >
        <Chip id={0} />
        <StateMark state="r" />
        <span class="nm">{nameOf(0)}</span>
        <SystemBadge />
        <Spark values={domain0History.value} label={words.cpu} />
      </Row>
    </>
  );
}

/** What is being made, and is no domain yet. */
function draftRows() {
  if (!draft.value && !several.value) return null;
  return (
    <>
      <li class="grp" role="presentation">
        {words.draft}
      </li>
      <Row name={draftName()} to={{ kind: 'draft' }} isDraft value={words.draftState}>
        <Chip />
        <StateMark state="-" />
        <span class="nm dim">{draftName()}</span>
        {draft.value?.plan && <ModeBadge type={draft.value.plan.summary.type} />}
      </Row>
    </>
  );
}

function bridgeRows({ name, ports }: Inventory['bridge']) {
  return (
    <>
      <li class="grp" role="presentation">
        {words.bridges}
      </li>
      <Row name={name} to={{ kind: 'home', tab: 'network' }} value={words.ports(ports.length)}>
        <Mark name="bridge" />
        <span class="nm">{name}</span>
      </Row>
    </>
  );
}

/** The host's disk, and its volumes. */
function storageRows(disk: DiskInfo) {
  return (
    <>
      <li class="grp" role="presentation">
        {words.storage}
      </li>
      <Row name={disk.path} to={{ kind: 'home', tab: 'storage' }} value={gigabytes(disk.bytes)}>
        <Mark name="disk" />
        <span class="nm">{disk.path}</span>
      </Row>
      {[...disk.volumes]
        .sort((a, b) => natural(a.path, b.path))
        .map(({ name, path, bytes: volumeBytes }) => (
          <Row
            key={name}
            name={shortPath(path)}
            to={{ kind: 'home', tab: 'storage', name }}
            deep
            value={sizeText(volumeBytes)}
          >
            <Mark name="volume" />
            <span class="nm" title={path}>
              {shortPath(path)}
            </span>
          </Row>
        ))}
    </>
  );
}

const draftName = () =>
  several.value
    ? strings.several.title(several.value.length)
    : draft.value?.plan?.name || draft.value?.files[0]?.name || '';
const Mark = ({ name }: { name: IconName }) => (
  <span class="dim">
    <Icon name={name} />
  </span>
);

interface RowProps {
  name: string;
  to: Place;
  /** Other tabs of the same place that it represents. */
  also?: readonly string[];
  top?: boolean;
  deep?: boolean;
  /** Rows of this connection are below it, and can be folded. */
  fold?: string;
  /** Less than what runs. */
  low?: boolean;
  value?: ComponentChildren;
  actions?(): Action[];
  /** The domain that it is. */
  domain?: number;
  isDraft?: boolean;
  /** It can be chosen with others: what it is called there, and all of them in their order. */
  pick?: { key: RowKey; keys: readonly RowKey[] };
  /** Of a group of which not all rows are drawn. */
  at?: number;
  of?: number;
  onOpen?(): void;
  children: ComponentChildren;
}

const isAt = (here: Place, { kind, id, tab, name }: Place): boolean =>
  here.kind === kind && here.id === id && here.tab === tab && here.name === name;

/** By a click; arrow keys do it, too. */
const foldMark = (of: string) => (
  <i
    class="fold"
    aria-hidden="true"
    onClick={event => {
      event.stopPropagation();
      folded.value = toggled(folded.peek(), of);
    }}
  />
);

export function Row({
  name,
  to,
  also,
  top,
  deep,
  fold,
  low,
  value,
  actions,
  domain,
  isDraft,
  pick,
  at,
  of,
  onOpen,
  children,
}: RowProps) {
  const here = place.value;
  // A guest's row represents all its tabs.
  const isTab =
    here.kind === to.kind &&
    here.id === to.id &&
    (to.id !== undefined || (here.tab !== undefined && also?.includes(here.tab) === true));
  const isOpen = isAt(here, to) || isTab,
    isPicked = pick !== undefined && chosen.value.has(pick.key);
  // The desktop and a lesson are about the guest in front.
  const front =
    (here.kind === 'lesson' || (here.kind === 'home' && here.tab === undefined)) &&
    sessions.value.has(frontGuest.value ?? -1)
      ? frontGuest.value
      : undefined;
  const isMarked = front === undefined ? isOpen : domain === front;
  const onClick = (event: MouseEvent): void => {
    if (pick && press(event, pick.keys, pick.key)) return;
    clear();
    beginAt(pick?.key);
    (onOpen ?? (() => go(to)))();
  };
  // Of several the menu is theirs.
  const offered = (): Action[] =>
    isPicked && chosen.peek().size > 1 && together.actions ? together.actions() : actions!();
  return (
    <li
      class={`tr${top ? '' : deep ? ' l2' : ' l1'}${low ? ' low' : ''}${isMarked ? ' sel' : ''}${isPicked ? ' picked' : ''}`}
      role="treeitem"
      tabIndex={-1}
      aria-level={top ? 1 : deep ? 3 : 2}
      aria-selected={chosen.value.size > 0 ? isPicked : isOpen}
      aria-current={isOpen ? 'page' : undefined}
      aria-expanded={fold === undefined ? undefined : isExpanded(fold)}
      aria-posinset={at}
      aria-setsize={of}
      data-name={name}
      data-key={pick?.key}
      data-domain={domain}
      data-draft={isDraft}
      aria-haspopup={actions ? 'menu' : undefined}
      onMouseDown={event => {
        if (event.shiftKey) event.preventDefault();
      }}
      onClick={onClick}
      onContextMenu={event => {
        if (actions) openMenu(event, name, offered());
      }}
    >
      {fold !== undefined && foldMark(fold)}
      {children}
      <span class="v">{value}</span>
    </li>
  );
}

const Percent = ({ part }: { part: number | undefined }) => (
  <>{part === undefined ? words.noData : `${Math.round(100 * part)} %`}</>
);

const HostLoad = () =>
  hostPart.value === undefined ? null : (
    <span title={words.hostCpu(info.value?.pcpus ?? 1)}>
      <Percent part={hostPart.value} />
    </span>
  );

function DomainRow({ domain, keys }: { domain: DomainInfo; keys: readonly RowKey[] }) {
  const session = sessions.value.get(domain.id);
  const running = partOf(domain.id) ?? session?.rates.value?.running;
  const over = domain.state === 's' || domain.state === 'c' || domain.state === '-';
  return (
    <Row
      name={domain.name}
      domain={domain.id}
      pick={{ key: domain.name, keys }}
      to={{ kind: 'domain', id: domain.id }}
      onOpen={() => {
        if (session) go({ kind: 'domain', id: domain.id });
      }}
      actions={session && (() => guestActions(session))}
      value={leaving.value.has(domain.id) ? words.leaving : <Percent part={over ? undefined : running} />}
    >
      <Chip id={domain.id} />
      <StateMark state={session && !over ? session.state : domain.state} fell={domain.fell} />
      <span class={`nm${over ? ' dim' : ''}`} title={domain.name}>
        {domain.name}
      </span>
      <ModeBadge type={domain.type} />
      {session && <Spark values={session.history.value.map(point => point.running)} label={words.cpu} />}
    </Row>
  );
}

const DefinedRow = ({
  domain,
  keys,
  at,
  of,
}: {
  domain: DefinedDomain;
  keys: readonly RowKey[];
  at: number;
  of: number;
}) => (
  <Row
    name={domain.name}
    pick={{ key: domain.name, keys }}
    at={at}
    of={of}
    low
    to={{ kind: 'defined', name: domain.name }}
    actions={() => definedActions(domain)}
    value={
      deleting.value.has(domain.name) ? (
        words.leaving
      ) : domain.errors.length > 0 ? (
        words.hasErrors
      ) : runsElsewhere(domain.name) !== undefined ? (
        words.runsOn(runsElsewhere(domain.name)!)
      ) : (
        <span class="hidden">{words.defined}</span>
      )
    }
  >
    <Chip />
    <StateMark state="-" />
    <span class="nm dim" title={domain.name}>
      {domain.name}
    </span>
    <ModeBadge type={domain.type} />
  </Row>
);

function Foot() {
  const machine = info.value;
  if (!machine) return null;
  const living = domains.value.filter(ownsMemory);
  const known = state.value;
  const stored = inventory.value?.stored?.disk;
  return (
    <div class="foot">
      <div class="row">
        <span class="sec">{words.memory}</span>
        <span class="grow num">{words.memoryOf(machine.freeMiB, machine.memoryMiB)}</span>
      </div>
      <div class="bar">
        {memoryOwners(living, machine.memoryMiB, machine.freeMiB).map(({ key, owner, mib }) => (
          <i key={key} class={owner} style={`width:${(100 * mib) / machine.memoryMiB}%`} />
        ))}
      </div>
      {known && (
        <div class="row save">
          <span class={known.kept ? 'tag ok' : 'tag warn'}>
            <Icon name={known.kept ? 'check' : 'wave'} />
          </span>
          <span class="sec cut" title={known.why}>
            {known.kept ? words.kept(stored ? bytes(stored.storedBytes) : '') : words.notKept}
          </span>
        </div>
      )}
      {keptOffline.value && (
        <div class="row save">
          <span class="tag ok">
            <Icon name="check" />
          </span>
          <span class="sec cut">{words.offline}</span>
        </div>
      )}
    </div>
  );
}

/** How much of machine memory each owner has: what is neither free nor a domain's is Xen's and Domain 0's. */
export function memoryOwners(
  living: readonly DomainInfo[],
  memoryMiB: number,
  freeMiB: number,
): { key: string; owner: string; name: string; id: string; mib: number }[] {
  const guests = living.reduce((sum, domain) => sum + domain.memoryMiB, 0);
  const domain0 = inventory.value?.domain0.memoryMiB ?? 0;
  return [
    {
      key: 'xen',
      owner: 'c-hv',
      name: hypervisorName(),
      id: hypervisorName().slice(0, 1),
      mib: Math.max(0, memoryMiB - freeMiB - guests - domain0),
    },
    { key: 'd0', owner: 'c-d0', name: nameOf(0), id: '0', mib: domain0 },
    ...living.map(({ id, name, memoryMiB: mib }) => ({
      key: String(id),
      owner: ownerClass(id),
      name,
      id: String(id),
      mib,
    })),
  ];
}

/** A volume as vg0/NAME, an image by its file's name. */
const shortPath = (path: string): string =>
  path.startsWith('/dev/') ? path.slice(5) : path.slice(path.lastIndexOf('/') + 1);

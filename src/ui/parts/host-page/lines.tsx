/** A line of the table of domains: Domain-0, a domain, or a definition that none runs from. */

import type { DefinedDomain, DomainInfo } from '../../../dom0/service/index.ts';
import { type Action, definedActions, guestActions, hostActions } from '../../actions.ts';
import { command, nameOf } from '../../host.ts';
import { ofHost } from '../../hypervisors/of-host.ts';
import { domain0History, inventory, partOf, readings } from '../../inventory.ts';
import { telling } from '../../readings.ts';
import { chosen, extend, press, type RowKey, together, toggle } from '../../selection.ts';
import { type DomainSession, sessions } from '../../sessions.ts';
import { keepGuest, leaving } from '../../leaving.ts';
import { go } from '../../navigation.ts';
import { duration, strings } from '../../strings.ts';
import { viewStrings } from '../../view-strings.ts';
import { Chip, ModeBadge, ownerClass, Spark, StateMark, SystemBadge } from '../marks.tsx';
import { openMenu } from '../menu.tsx';
import { KIB, MIB, per } from './history-lines.ts';

const words = viewStrings.hostPage;

/** A line of the table: a domain, or a definition that none runs from. */
export interface Row {
  name: string;
  domain?: DomainInfo;
  defined?: DefinedDomain;
}

/** On a host with Xen as xl list prints them (lists.ts of the commands). */
const stateText = (state: string): string | undefined =>
  ofHost({
    xen: ['r', 'b', 'p', 's', 'c', 'd'].map(each => (each === state ? each : '-')).join(''),
    kvm: strings.states[state],
  });

const seconds = (ns: number | undefined): string => (ns === undefined ? strings.tree.noData : (ns / 1e9).toFixed(1));
/** Days and hours, hours and minutes, minutes and seconds. */
const shortDuration = (up: number): string => duration(up).split(' ').slice(0, 4).join(' ');

export function Domain0Line({ top }: { top: number }) {
  const seen = inventory.value;
  return (
    <tr>
      <td class="ticks" />
      <td class="n b">
        <Chip id={0} /> {nameOf(0)}
      </td>
      <td class="num m i">0</td>
      <td class="num m me">{seen?.domain0.memoryMiB ?? strings.tree.noData}</td>
      <td class="num m vc">{seen?.domain0.vcpus ?? strings.tree.noData}</td>
      <td class="m s">
        <StateMark state="r" /> <span class="hide-s">{stateText('r')}</span>
      </td>
      <td class="num m t">{seconds(seen?.domain0.runNs)}</td>
      <td class="num m up nw">{seen ? shortDuration(seen.upSeconds) : ''}</td>
      <td>
        <SystemBadge />
      </td>
      <td class="c">
        <Use id={0} values={domain0History.value} part={partOf(0)} top={top} />
      </td>
      <Rates id={0} />
      <td class="ad" />
      <td class="num a">
        <Act name={nameOf(0)} onClick={() => go({ kind: 'shell' })}>
          {words.console}
        </Act>
        <More name={nameOf(0)} actions={() => hostActions().slice(1, 2)} />
      </td>
    </tr>
  );
}

/** A line's box, for a keyboard without Ctrl, and the line itself for one with it. */
const Pick = ({ row, name, keys }: { row: RowKey; name: string; keys: readonly RowKey[] }) => (
  <td class="ticks">
    <input
      type="checkbox"
      aria-label={words.pick(name)}
      checked={chosen.value.has(row)}
      onClick={event => {
        if (event.shiftKey) extend(keys, row);
        else toggle(row);
      }}
    />
  </td>
);
const onLine =
  (row: RowKey, keys: readonly RowKey[]) =>
  (event: MouseEvent): void => {
    if (!(event.target as Element).closest('button, input')) press(event, keys, row);
  };
/** Shift spans rows, and no text. */
const noText = (event: MouseEvent): void => {
  if (event.shiftKey) event.preventDefault();
};
const menuOf = (row: RowKey, actions: () => Action[]) => (): Action[] =>
  chosen.peek().has(row) && chosen.peek().size > 1 && together.actions ? together.actions() : actions();

export function DefinedLine({ of: each, keys }: { of: DefinedDomain; keys: readonly RowKey[] }) {
  const key = each.name,
    actions = menuOf(key, () => definedActions(each));
  return (
    <tr
      class={`out${chosen.value.has(key) ? ' sel' : ''}`}
      onMouseDown={noText}
      onClick={onLine(key, keys)}
      onContextMenu={event => openMenu(event, each.name, actions())}
    >
      <Pick row={key} name={each.name} keys={keys} />
      <td class="n" title={each.description}>
        <Chip /> {each.name}
      </td>
      <td class="num m i">{strings.tree.noData}</td>
      <td class="num m me">{each.memoryMiB}</td>
      <td class="num m vc">{each.vcpus}</td>
      <td class="s">
        <StateMark state="-" /> <span class="hide-s">{strings.tree.defined}</span>
      </td>
      <td class="num m t">{strings.tree.noData}</td>
      <td class="up" />
      <td>
        <ModeBadge type={each.type} />
      </td>
      <td class="c sec">{each.errors.length > 0 && strings.tree.hasErrors}</td>
      <Rates />
      <td class="ad" />
      <td class="num a">
        <Act name={each.name} onClick={() => go({ kind: 'defined', name: each.name })}>
          {words.definition}
        </Act>
        <More name={each.name} actions={actions} />
      </td>
    </tr>
  );
}

export function DomainLine({ domain, keys, top }: { domain: DomainInfo; keys: readonly RowKey[]; top: number }) {
  const session = sessions.value.get(domain.id),
    seen = inventory.value;
  const over = session?.over ?? false,
    up = over ? undefined : seen?.upSecondsOf[domain.id];
  const state = session && !over ? session.state : domain.state;
  const key = domain.name,
    actions = menuOf(key, () => (session ? guestActions(session) : []));
  return (
    <tr
      class={chosen.value.has(key) ? 'sel' : ''}
      onMouseDown={noText}
      onClick={onLine(key, keys)}
      onContextMenu={event => {
        if (session) openMenu(event, domain.name, actions());
      }}
    >
      <Pick row={key} name={domain.name} keys={keys} />
      <td class="n b">
        <Chip id={domain.id} /> {domain.name}
      </td>
      <td class="num m i">{domain.id}</td>
      <td class="num m me">{domain.memoryMiB}</td>
      <td class="num m vc">{domain.vcpus}</td>
      <td class="m s">
        <StateMark state={state} fell={domain.fell} /> <span class="hide-s">{stateText(state)}</span>
      </td>
      <td class="num m t">{seconds(seen?.runNs[domain.id])}</td>
      <td class="num m up nw">{up === undefined ? strings.tree.noData : shortDuration(up)}</td>
      <td>
        <ModeBadge type={domain.type} />
      </td>
      <td class="c">
        {session && (
          <Use
            id={domain.id}
            values={session.history.value.map(point => point.running)}
            part={over ? undefined : (partOf(domain.id) ?? session.rates.value?.running)}
            top={top}
          />
        )}
      </td>
      <Rates id={domain.id} />
      <td class="m nw ad">{seen?.addresses[domain.id]?.join('\n')}</td>
      <DomainActs domain={domain} session={session} actions={actions} />
    </tr>
  );
}

/** What is done with a domain most, and a menu of all. */
function DomainActs({
  domain,
  session,
  actions,
}: {
  domain: DomainInfo;
  session: DomainSession | undefined;
  actions: () => Action[];
}) {
  const over = session?.over ?? false;
  return (
    <td class="num a">
      <Act name={domain.name} onClick={() => go({ kind: 'domain', id: domain.id })}>
        {session?.isFallen ? strings.guest.tabs.postMortem : words.console}
      </Act>
      {!over && session && leaving.value.has(domain.id) ? (
        <Act quiet name={domain.name} onClick={() => keepGuest(session)}>
          {words.keep}
        </Act>
      ) : (
        !over && (
          <Act
            quiet
            name={domain.name}
            onClick={() => void command(domain.state === 'p' ? 'unpause' : 'pause', domain)}
          >
            {domain.state === 'p' ? strings.guest.run : strings.guest.pause}
          </Act>
        )
      )}
      {session && <More name={domain.name} actions={actions} />}
    </td>
  );
}

/** What it read and wrote on its disks, and sent and got, a second at the last look. */
function Rates({ id }: { id?: number }) {
  // The one that the charts end with.
  const last = id === undefined ? undefined : telling(readings.value).at(-1);
  const disk = last?.disks[id!],
    net = last?.network[id!];
  const rate = (perSecond: number | undefined): string =>
    perSecond === undefined ? '' : perSecond < 0.05 ? '0' : perSecond.toFixed(1);
  return (
    <>
      {[per(MIB, disk && disk.read + disk.written), per(KIB, net && net.sent + net.got)].map((each, i) => (
        <td key={i} class={`num m rt${each && each >= 0.05 ? '' : ' dim'}`}>
          {rate(each)}
        </td>
      ))}
    </>
  );
}

const Use = ({
  id,
  values,
  part,
  top,
}: {
  id: number;
  values: readonly (number | undefined)[];
  part: number | undefined;
  top: number;
}) => (
  <span class={`use ${ownerClass(id)}`}>
    <Spark values={values} label={strings.tree.cpu} width={120} height={22} top={top} filled />
    <span class="m">{part === undefined ? strings.tree.noData : `${Math.round(100 * part)} %`}</span>
  </span>
);

/** A row's button: a person who does not see the row hears whose it is. */
const Act = ({
  name,
  quiet,
  onClick,
  children,
}: {
  name: string;
  quiet?: boolean;
  onClick(): void;
  children: string;
}) => (
  <button class={`btn sm${quiet ? ' quiet' : ''}`} aria-label={`${children} ${name}`} onClick={onClick}>
    {children}
  </button>
);

const More = ({ name, actions }: { name: string; actions: () => Parameters<typeof openMenu>[2] }) => (
  <button
    class="btn quiet icon sm"
    aria-haspopup="menu"
    aria-label={words.more(name)}
    onClick={event => openMenu(event, name, actions())}
  >
    •••
  </button>
);

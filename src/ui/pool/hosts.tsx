/** Hosts of the pool side by side, each with its guests: those of this host can be dragged, or sent by their menu, to another. */
import type { LookedGuest, LookedHost, PoolLook } from '../../dom0/service/index.ts';
import { useRef } from 'preact/hooks';
import { useSignal } from '@preact/signals';
import { Chip, Icon, StateMark } from '../parts/marks.tsx';
import { openMenu } from '../parts/menu.tsx';
import { go } from '../navigation.ts';
import { tagsSaid } from '../order.ts';
import { bytes } from '../terminal.ts';
import { dragged, guestActions, isTarget, looksOn, send, targetsOf } from './pool.ts';
import { Heat } from './heat.tsx';
import { words } from './words.ts';

/** `chosen`: as the page has it. */
export function Hosts({ look, chosen }: { look: PoolLook; chosen: string | undefined }) {
  const all = useRef<HTMLDivElement>(null);
  const others = look.hosts.filter(({ isMe, isThere }) => isThere && !isMe).length;
  /** As in every tree: up and down among the guests of a host, left and right among hosts. */
  const onKeyDown = (event: KeyboardEvent): void => {
    const row = (event.target as HTMLElement).closest<HTMLElement>('[role=treeitem]');
    if (!row || event.target !== row) return;
    const trees = [...all.current!.querySelectorAll<HTMLElement>('[role=tree]')];
    const tree = row.closest<HTMLElement>('[role=tree]')!;
    const rowsOf = (of: HTMLElement | undefined) => [...(of?.querySelectorAll<HTMLElement>('[role=treeitem]') ?? [])];
    const rows = rowsOf(tree),
      at = rows.indexOf(row);
    const beside = (by: number): HTMLElement | undefined => {
      const next = rowsOf(trees[trees.indexOf(tree) + by]);
      return next[Math.min(at, next.length - 1)];
    };
    const to = {
      ArrowDown: () => rows[at + 1],
      ArrowUp: () => rows[at - 1],
      Home: () => rows[0],
      End: () => rows.at(-1),
      ArrowRight: () => beside(1),
      ArrowLeft: () => beside(-1),
    }[event.key];
    if (event.key === 'Enter' || event.key === ' ') row.click();
    else if (to) to()?.focus();
    else return;
    event.preventDefault();
  };
  return (
    <section>
      <div class="ph">
        <h3>{words.hosts}</h3>
        <span class="cap-t">
          {others === 0 ? words.nowhere : looksOn(look.hosts) ? words.viewerHint : words.hostsHint}
        </span>
      </div>
      <div class="phosts" ref={all} onKeyDown={onKeyDown}>
        {look.hosts.map(each => (
          <Host key={each.name} host={each} look={look} chosen={chosen} />
        ))}
      </div>
    </section>
  );
}

function Host({ host, look, chosen }: { host: LookedHost; look: PoolLook; chosen: string | undefined }) {
  const { name, isMe, isThere, role, load, facts, guests } = host;
  const isOver = useSignal(false);
  const takes = (): boolean => dragged.peek() !== undefined && isTarget(host);
  const over = (event: DragEvent): void => {
    if (!takes()) return;
    event.preventDefault();
    event.stopPropagation();
    isOver.value = true;
  };
  return (
    <section
      class={`phost${isOver.value || chosen === name ? ' over' : ''}${isThere ? '' : ' gone'}`}
      aria-labelledby={`pool-host-${name}`}
      data-host={name}
      onDragEnter={over}
      onDragOver={over}
      onDragLeave={event => {
        if (!event.currentTarget.contains(event.relatedTarget as Node)) isOver.value = false;
      }}
      onDrop={event => {
        isOver.value = false;
        const guest = dragged.peek();
        if (!takes() || !guest) return;
        event.preventDefault();
        event.stopPropagation();
        void send(guest, name);
      }}
    >
      <h4 id={`pool-host-${name}`}>
        <Icon name="host" /> <span class="nm">{name}</span>{' '}
        <span class="sec">
          {[
            isMe && words.me,
            role === 'viewer' ? role : facts?.receives === false && words.refuses,
            name === look.coordinator && words.coordinator,
            !isThere && words.lost,
          ]
            .filter(Boolean)
            .join(', ')}
        </span>
      </h4>
      {load ? (
        <>
          <div class="bar" aria-hidden="true">
            <i style={`width:${100 * load.busy}%`} />
          </div>
          <p class="cap-t">
            {words.busy(load.busy, facts?.slots ?? 1)}, {words.free(bytes(load.freeBytes), bytes(load.totalBytes))}
          </p>
        </>
      ) : (
        isThere && <p class="cap-t">{words.noLoad}</p>
      )}
      {guests.length === 0 ? (
        <p class="cap-t">{words.noGuests}</p>
      ) : (
        <ul role="tree" aria-label={words.guestsOf(name)}>
          {guests.map((guest, at) => (
            <GuestRow
              key={guest.uuid}
              guest={guest}
              look={look}
              isFirst={at === 0}
              isChosen={chosen === `${name}/${guest.name}`}
            />
          ))}
        </ul>
      )}
    </section>
  );
}

function GuestRow({
  guest,
  look,
  isFirst,
  isChosen,
}: {
  guest: LookedGuest;
  look: PoolLook;
  isFirst: boolean;
  isChosen: boolean;
}) {
  const { id, name, state, lease, busySlots, memoryMiB, job, tags } = guest;
  const isMine = id !== undefined;
  const actions = () => guestActions(guest, look.hosts);
  const canGo = isMine && targetsOf(look.hosts).length > 0;
  return (
    <li
      class={`tr${isMine ? ' mine' : ''}${isChosen ? ' sel' : ''}`}
      aria-current={isChosen || undefined}
      role="treeitem"
      tabIndex={isFirst ? 0 : -1}
      aria-level={1}
      aria-haspopup={isMine ? 'menu' : undefined}
      data-guest={name}
      title={lease ? words.leaseOf(lease.owner, lease.epoch) : words.noLease}
      draggable={canGo}
      onDragStart={event => {
        dragged.value = guest;
        event.dataTransfer!.effectAllowed = 'move';
        event.dataTransfer!.setData('text/plain', name);
      }}
      onDragEnd={() => {
        dragged.value = undefined;
      }}
      onClick={() => {
        if (isMine) go({ kind: 'domain', id });
      }}
      onContextMenu={event => {
        if (isMine) openMenu(event, name, actions());
      }}
    >
      <Chip {...(isMine ? { id } : {})} />
      {state === undefined ? <span class="st">{words.lostGuest}</span> : <StateMark state={state} />}
      <span class="nm cut">{name}</span>
      {job?.memory && <Moving memory={job.memory} />}
      <span class="sec num">
        {memoryMiB} MiB{busySlots !== undefined && `, ${words.ofSlot(busySlots)}`}
        {lease && `, ${words.lease(lease.epoch)}`}
      </span>
      {tags && <span class="sec tags">{tagsSaid(tags)}</span>}
      {canGo && (
        <button
          class="btn quiet sm"
          aria-label={words.migrateOf(name)}
          aria-haspopup="menu"
          onClick={event => {
            event.stopPropagation();
            openMenu(event, words.migrateOf(name), actions().slice(1));
          }}
        >
          {words.migrate}
        </button>
      )}
    </li>
  );
}

const FRAME_BYTES = 4096;

/** How far its memory is on its way; what is not known yet is left out. */
function Moving({ memory }: { memory: NonNullable<NonNullable<LookedGuest['job']>['memory']> }) {
  const { iteration, processedBytes, remainingBytes, bytesPerSecond, dirtyFramesPerSecond, written = [] } = memory;
  const { downtimeMs, totalMs, postcopy } = memory;
  return (
    <span class="sec">
      <span role="status">
        {[
          postcopy ? words.postcopy(postcopy) : words.round(iteration, bytes(processedBytes), bytes(remainingBytes)),
          bytesPerSecond !== undefined && words.rate(bytes(bytesPerSecond)),
          dirtyFramesPerSecond !== undefined && words.dirty(bytes(FRAME_BYTES * dirtyFramesPerSecond)),
          downtimeMs !== undefined && words.stood(downtimeMs),
          totalMs !== undefined && words.total(totalMs),
        ]
          .filter(Boolean)
          .join(', ')}
      </span>
      {/* Next to it: a screen reader reads the status without the whole picture each time. */}
      <Heat written={written} />
    </span>
  );
}

/** The indices of a ring, and what the chosen slot holds: its request, and the page that this grants. */

import { Chip, ownerClass } from '../../parts/marks.tsx';
import type { GrantEntry } from '../../../hypervisor/interfaces/xen/view/index.ts';
import type { Shown, Target } from '../inspector.ts';
import { type Data, asks, contentOf, hexLine, lastOf, livesIn, slotChosen } from './facts.ts';
import { words, wordsOf } from './words.ts';

export const Detail = (shown: Shown<Data>) => (
  <>
    <Indices {...shown} />
    <Slot {...shown} />
  </>
);

function Indices({ data: { ring, indices, unseen, grants }, target }: Shown<Data>) {
  const says = wordsOf(ring);
  return (
    <section>
      <h3>{words.indices}</h3>
      <table class="idxs">
        <thead>
          <tr>
            {words.columns.map((name, i) => (
              <th key={name} class={i === 1 || i === 2 ? 'num' : ''}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {indices.map(index => {
            const { name, value, by, address } = index;
            return (
              <tr key={name}>
                <td class="m b">{name}</td>
                <td class="m num">{value}</td>
                <td class="m num">{value & (ring.slots - 1)}</td>
                <td class="nw">
                  <Chip id={by === 'backend' ? 0 : (target.session?.id ?? 0)} /> {says[by]}
                </td>
                <td class="sec" title={address === undefined ? undefined : words.foundHow}>
                  {livesIn(index)}
                </td>
              </tr>
            );
          })}
          {unseen.map(([name, value]) => (
            <tr key={name} class="dim">
              <td class="m">{name}</td>
              <td class="m num nw" colSpan={2}>
                {value}
              </td>
              <td class="nw">
                <Chip id={target.session?.id ?? 0} /> {words.frontend}
              </td>
              <td class="sec">{words.within}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {ring.ringRefs.map(ref => (
        <p key={ref} class="cap-t">
          {words.ringPage(ref, grants.get(ref))}
        </p>
      ))}
      {ring.virtqueue && <p class="cap-t">{words.virtqueue.lies(ring.virtqueue)}</p>}
    </section>
  );
}

function Slot(shown: Shown<Data>) {
  const { data, target } = shown,
    { ring, slots, grants } = data,
    says = wordsOf(ring),
    slot = slotChosen(shown),
    state = slots[slot]!,
    last = lastOf(ring, state, slot),
    isUsed = last >= 0,
    isRequest = asks(state),
    { refs, isListed } = ring.requests[slot]!;
  return (
    <section
      class={`rslot ${state === 'A' || state === 'F' || state === 'D' ? ownerClass(target.session?.id ?? 0) : 'c-d0'}`}
    >
      <div class="row">
        <h3>
          {isUsed
            ? says.slot(slot, state === 'D' ? says.draft : isRequest ? says.request : says.reply, last)
            : words.slotEmpty(slot)}
        </h3>
        <span class="grow" />
        <span class="nw">
          <i class={`mk${state === 'D' ? ' dash' : ''}`}>{state}</i> <b>{says.states[state]}</b>
        </span>
      </div>
      {isUsed && (
        <>
          <dl class="kv">
            {contentOf(ring, state, slot).map(([name, value]) => (
              <>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </>
            ))}
          </dl>
          {!isRequest && <p class="cap-t">{state === 'F' ? says.left : says.response}</p>}
          {isRequest &&
            refs
              .slice(0, 1)
              .map(({ ref, what, address }) =>
                address === undefined ? (
                  <Chain key={ref} target={target} entry={grants.get(ref)} gref={ref} what={what} />
                ) : (
                  <Descriptor key={ref} target={target} address={address} what={what} />
                ),
              )}
          {isRequest && refs.length > 1 && !isListed && <p class="cap-t">{says.more(refs.length - 1)}</p>}
        </>
      )}
    </section>
  );
}

/** A grant, the guest's frame behind it, the machine's behind that; what is in a page of requests. The ring's own begins with the indices, which are above. */
function Chain({
  target,
  entry,
  gref,
  what,
}: {
  target: Target;
  entry: GrantEntry | undefined;
  gref: number;
  what: string;
}) {
  const domain = target.session && target.machine?.domain(target.session.id);
  const mfn = entry && (entry.use?.mfn ?? domain?.p2m(entry.frame)?.mfn);
  return (
    <div>
      <ol class="chain">
        <li class={target.session && ownerClass(target.session.id)}>
          <small>{words.gref}</small>
          <b>gref {gref}</b>
          <span>
            {entry ? `${entry.readonly ? words.readonly : words.writable}, to dom ${entry.domid}` : words.noGrant}
          </span>
        </li>
        {entry && <Frame target={target} gfn={entry.frame} what={what} />}
        {mfn !== undefined && (
          <MachineFrame mfn={mfn} what={entry?.use ? words.mappedBy(entry.use.user) : words.unmapped} />
        )}
      </ol>
      <Bytes target={target} mfn={mfn} at={0} says={words.page} />
    </div>
  );
}

/** The guest's frame that a descriptor of a virtqueue names, the machine's behind it, and what is there: the device needs nobody's leave. */
function Descriptor({ target, address, what }: { target: Target; address: number; what: string }) {
  const gfn = Math.floor(address / 4096),
    mfn = (target.session && target.machine?.domain(target.session.id))?.p2m(gfn)?.mfn;
  return (
    <div>
      <ol class="chain">
        <Frame target={target} gfn={gfn} what={what} />
        {mfn !== undefined && <MachineFrame mfn={mfn} what={words.virtqueue.noGrant} />}
      </ol>
      <Bytes target={target} mfn={mfn} at={address % 4096} says={words.virtqueue.memory} />
    </div>
  );
}

const Frame = ({ target, gfn, what }: { target: Target; gfn: number; what: string }) => (
  <li class={target.session && ownerClass(target.session.id)}>
    <small>{words.gfn}</small>
    <b>0x{gfn.toString(16)}</b>
    <span>{what}</span>
  </li>
);
const MachineFrame = ({ mfn, what }: { mfn: number; what: string }) => (
  <li class="c-hv">
    <small>{words.mfn}</small>
    <b>0x{mfn.toString(16)}</b>
    <span>{what}</span>
  </li>
);

/** 32 bytes of a machine frame, as far as it goes. */
function Bytes({ target, mfn, at, says }: { target: Target; mfn: number | undefined; at: number; says: string }) {
  if (mfn === undefined || mfn < 0 || !target.machine) return null;
  const { memory } = target.machine,
    from = Math.min(at, 4096 - 32);
  return (
    <>
      <pre class="hexline m" tabIndex={0}>
        {[from, from + 16].map(each => hexLine(memory, mfn * 4096, each)).join('\n')}
      </pre>
      <p class="cap-t">{says}</p>
    </>
  );
}

/** The indices of a ring, and what the chosen slot holds: its request, and the page that this grants. */

import { Chip, ownerClass } from '../../parts/marks.tsx';
import type { GrantEntry } from '../../../hypervisor/interfaces/xen/view/index.ts';
import type { Shown, Target } from '../inspector.ts';
import { type Data, asks, contentOf, hexLine, lastOf, livesIn, slotChosen } from './facts.ts';
import { words } from './words.ts';

export const Detail = (shown: Shown<Data>) => (
  <>
    <Indices {...shown} />
    <Slot {...shown} />
  </>
);

function Indices({ data: { ring, indices, unseen, grants }, target }: Shown<Data>) {
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
                  <Chip id={by === 'backend' ? 0 : (target.session?.id ?? 0)} /> {words[by]}
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
    </section>
  );
}

function Slot(shown: Shown<Data>) {
  const { data, target } = shown,
    { ring, slots, grants } = data,
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
            ? words.slot(slot, state === 'D' ? words.draft : isRequest ? words.request : words.reply, last)
            : words.slotEmpty(slot)}
        </h3>
        <span class="grow" />
        <span class="nw">
          <i class={`mk${state === 'D' ? ' dash' : ''}`}>{state}</i> <b>{words.states[state]}</b>
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
          {!isRequest && <p class="cap-t">{state === 'F' ? words.left : words.response}</p>}
          {isRequest &&
            refs
              .slice(0, 1)
              .map(({ ref, what }) => (
                <Chain key={ref} target={target} entry={grants.get(ref)} gref={ref} what={what} />
              ))}
          {isRequest && refs.length > 1 && !isListed && <p class="cap-t">{words.more(refs.length - 1)}</p>}
        </>
      )}
    </section>
  );
}

/** A grant, the guest's frame behind it, the machine's behind that; what is in a page of requests. The ring's own begins with the indices, which stand above. */
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
  const lines =
    mfn !== undefined && mfn >= 0 && target.machine
      ? [0, 16].map(from => hexLine(target.machine!.memory, mfn * 4096, from))
      : undefined;
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
        {entry && (
          <li class={target.session && ownerClass(target.session.id)}>
            <small>{words.gfn}</small>
            <b>0x{entry.frame.toString(16)}</b>
            <span>{what}</span>
          </li>
        )}
        {mfn !== undefined && (
          <li class="c-hv">
            <small>{words.mfn}</small>
            <b>0x{mfn.toString(16)}</b>
            <span>{entry?.use ? words.mappedBy(entry.use.user) : words.unmapped}</span>
          </li>
        )}
      </ol>
      {lines && (
        <>
          <pre class="hexline m" tabIndex={0}>
            {lines.join('\n')}
          </pre>
          <p class="cap-t">{words.page}</p>
        </>
      )}
    </div>
  );
}

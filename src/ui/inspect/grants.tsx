/** The grant table: which of its pages the guest lets others use, who uses them now, and what it has mapped of others. */

import { nameOf } from '../host.ts';
import { Chip } from '../parts/marks.tsx';
import { inspector } from './frame.tsx';
import type { Shown, Target, Why } from './inspector.ts';
import { grantsOf, type GrantEntry, type GrantMapping } from '../../hypervisor/interfaces/xen/view/index.ts';

const words = {
  nothing: 'It has no grant table: it is a plain PC.',
  entries: 'Granted to others',
  mappings: 'Mapped of others',
  columns: ['Reference', 'To', 'Guest frame', 'Rights', 'In use'],
  mapColumns: ['Handle', 'Of', 'Reference', 'Guest frame', 'Rights'],
  none: 'Nothing is granted now.',
  noMaps: 'It has mapped nothing of others: that is what back ends do.',
  readonly: 'read',
  writable: 'read and write',
  version: (version: number, frames: number, most: number) => `Version ${version}, ${frames} of at most ${most} frames`,
  use: (readers: number, writers: number) => `${readers + writers} mapping${readers + writers === 1 ? '' : 's'}`,
  free: 'no',
  reading: 'GTF_reading',
  writing: 'GTF_writing',
  machine: 'machine frame',
  choose: 'Choose an entry.',
  reference: (ref: number) => `Grant ${ref}`,
  torn: 'The table changed its size during this look.',
};
const EVERY_MS = 500;

interface Data {
  version: number;
  frames: number;
  most: number;
  entries: GrantEntry[];
  mappings: GrantMapping[];
  torn: boolean;
}
const useOf = ({ use }: GrantEntry): string => (use ? words.use(use.readers, use.writers) : words.free);

function open({ session, machine }: Target) {
  return {
    look(): Data | undefined {
      const grants = session && grantsOf(machine?.domain(session.id));
      return (
        grants && {
          version: grants.version,
          frames: grants.frames,
          most: grants.maxFrames,
          entries: grants.entries,
          mappings: grants.mappings,
          torn: grants.torn,
        }
      );
    },
  };
}

/** Where nothing was chosen: one that is in use. */
const entryOf = ({ data: { entries }, chosen }: Shown<Data>): GrantEntry | undefined =>
  entries.find(({ ref }) => String(ref) === chosen) ?? entries.find(({ use }) => use) ?? entries[0];

function Figure(shown: Shown<Data>) {
  const { data, choose } = shown,
    chosen = String(entryOf(shown)?.ref);
  return (
    <div class="col">
      <div class="ph">
        <h3>{words.entries}</h3>
        <span class="sec">
          {words.version(data.version, data.frames, data.most)}
          {data.torn && ` ${words.torn}`}
        </span>
      </div>
      {data.entries.length === 0 ? (
        <p class="hint">{words.none}</p>
      ) : (
        <div class="wide">
          <table class="pad picks">
            <thead>
              <tr>
                {words.columns.map(name => (
                  <th key={name}>{name}</th>
                ))}
              </tr>
            </thead>
            <tbody>
              {data.entries.map(entry => {
                const key = String(entry.ref);
                return (
                  <tr key={key} class={key === chosen ? 'sel' : ''} onClick={() => choose(key)}>
                    <td class="m">
                      <button class="pickrow" aria-pressed={key === chosen} onClick={() => choose(key)}>
                        {entry.ref}
                      </button>
                    </td>
                    <td class="nw">
                      <Chip id={entry.domid} /> {nameOf(entry.domid)}
                    </td>
                    <td class="m">0x{entry.frame.toString(16)}</td>
                    <td>{entry.readonly ? words.readonly : words.writable}</td>
                    <td>{useOf(entry)}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
      <h3>{words.mappings}</h3>
      {data.mappings.length === 0 ? (
        <p class="hint">{words.noMaps}</p>
      ) : (
        <div class="wide">
          <table class="pad">
            <thead>
              <tr>
                {words.mapColumns.map(name => (
                  <th key={name}>{name}</th>
                ))}
              </tr>
            </thead>
            <tbody>
              {data.mappings.map(each => (
                <tr key={each.handle}>
                  <td class="m">{each.handle}</td>
                  <td class="nw">
                    <Chip id={each.domid} /> {nameOf(each.domid)}
                  </td>
                  <td class="m">{each.ref}</td>
                  <td class="m">0x{each.gfn.toString(16)}</td>
                  <td>{each.readonly ? words.readonly : words.writable}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </div>
  );
}

function Detail(shown: Shown<Data>) {
  const { target } = shown,
    entry = entryOf(shown);
  if (!entry) return <p class="hint">{words.choose}</p>;
  const mfn = entry.use?.mfn ?? (target.session && target.machine?.domain(target.session.id)?.p2m(entry.frame)?.mfn);
  return (
    <>
      <h3>{words.reference(entry.ref)}</h3>
      <dl class="kv">
        <dt>{words.columns[1]}</dt>
        <dd class="plain">{nameOf(entry.domid)}</dd>
        <dt>{words.columns[2]}</dt>
        <dd>0x{entry.frame.toString(16)}</dd>
        <dt>{words.machine}</dt>
        <dd>{mfn === undefined ? '–' : `0x${mfn.toString(16)}`}</dd>
        <dt>{words.reading}</dt>
        <dd>{entry.reading ? 1 : 0}</dd>
        <dt>{words.writing}</dt>
        <dd>{entry.writing ? 1 : 0}</dd>
      </dl>
    </>
  );
}

function why(shown: Shown<Data>): Why | undefined {
  const entry = entryOf(shown),
    source = 'xen/include/public/grant_table.h';
  if (!entry) return undefined;
  return entry.use
    ? {
        question: 'Why can it not be revoked now?',
        answer: `${nameOf(entry.use.user)} uses the page, so Xen has set ${entry.writing ? 'GTF_writing' : 'GTF_reading'} in the entry. The guest ends a grant by compare-and-swap, which fails while one of these bits is set.`,
        source,
      }
    : {
        question: 'Who may use it?',
        answer: `${nameOf(entry.domid)} alone, by naming the reference to Xen: it never learns an address of this guest, and gets no other page.`,
        source,
      };
}

export const Grants = inspector<Data>({
  everyMs: EVERY_MS,
  needsMemory: true,
  nothing: words.nothing,
  open,
  Figure,
  Detail,
  why,
  tables: ({ entries, mappings }) => [
    {
      name: words.entries,
      columns: words.columns,
      rows: entries.map(entry => [
        entry.ref,
        nameOf(entry.domid),
        `0x${entry.frame.toString(16)}`,
        entry.readonly ? words.readonly : words.writable,
        useOf(entry),
      ]),
    },
    {
      name: words.mappings,
      columns: words.mapColumns,
      rows: mappings.map(each => [
        each.handle,
        nameOf(each.domid),
        each.ref,
        `0x${each.gfn.toString(16)}`,
        each.readonly ? words.readonly : words.writable,
      ]),
    },
  ],
});

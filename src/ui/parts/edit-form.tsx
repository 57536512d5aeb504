/** The form of a definition: what most people change. Whatever else its text says stays as it is. */

import { inForms } from '../kinds/index.ts';
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import type { Changes, Definition, JudgedText, OpenedDefinition, VolumeInfo } from '../../dom0/service/index.ts';
import { chosenKey } from '../editing.ts';
import { info } from '../host.ts';
import { inventory } from '../inventory.ts';
import { remedyOf, unreadOf } from '../error-remedy.ts';
import { viewStrings } from '../view-strings.ts';
import { size } from '../units.ts';
import { Icon, Tag } from './marks.tsx';
import { NewVolume } from './new-volume.tsx';
import { TagsField, tagWords } from './tags.tsx';
import { Notes, TypedInput } from './typed.tsx';

const words = viewStrings.defined.form;
type Disk = Definition['disks'][number];
type Card = Definition['cards'][number];

interface Props {
  judged: JudgedText;
  /** Files and volumes that it may name. */
  choices: Omit<OpenedDefinition['choices'], 'taken'>;
  /** Volumes can be made: its disks are the host's. */
  makesVolumes: boolean;
  change(changes: Changes): void;
}

/** What its parts are handed. */
type Part = Pick<Props, 'judged' | 'change'>;
/** What it starts from. */
type Source = 'cd' | 'disk' | 'kernel';

export function EditForm({ judged, choices, makesVolumes, change }: Props) {
  const { definition: vm, isForeign } = judged;
  /** A kernel is wanted, and none is named yet. */
  const wantsKernel = useSignal(false);
  const source: Source =
    !inForms(vm).startsDisks || vm.kernel || wantsKernel.value
      ? 'kernel'
      : vm.bootOrder.startsWith('d')
        ? 'cd'
        : 'disk';
  const startFrom = (from: Source): void => {
    wantsKernel.value = from === 'kernel';
    if (from !== 'kernel') change({ kernel: undefined, ramdisk: undefined, bootOrder: from === 'cd' ? 'dc' : 'cd' });
  };
  const part: Part = { judged, change };
  return (
    <form class="edit-f" aria-label={viewStrings.defined.formName} onSubmit={event => event.preventDefault()}>
      <div class="ph form-h">
        <h3>{viewStrings.defined.formTitle}</h3>
        <span class="sec num grow">{viewStrings.defined.formSame}</span>
      </div>
      {isForeign && <p class="cap-t">{words.foreign}</p>}
      <General {...part} source={source} />
      <Start {...part} source={source} startFrom={startFrom} />
      <Disks {...part} choices={choices} makesVolumes={makesVolumes} />
      <Network {...part} />
      <Few {...part} />
      <datalist id="edit-kernels">
        {choices.kernels.map(path => (
          <option key={path} value={path} />
        ))}
      </datalist>
      <datalist id="edit-disks">
        {choices.disks.map(path => (
          <option key={path} value={path} />
        ))}
      </datalist>
    </form>
  );
}

/** A key whose value is written. `of`: the key; `list`: of what is suggested. */
function Written({
  judged,
  change,
  label,
  of,
  value,
  to,
  list,
  isHalf = false,
}: Part & {
  label: string;
  of: string;
  value: string | undefined;
  to(value: string): Changes;
  list?: string;
  isHalf?: boolean;
}) {
  return (
    <Field label={label} of={of} judged={judged} isHalf={isHalf}>
      {id => (
        <TypedInput
          id={id}
          class="in"
          value={value ?? ''}
          list={list}
          placeholder={words.noCard}
          spellcheck={false}
          autocomplete="off"
          commit={written => change(to(written.trim()))}
        />
      )}
    </Field>
  );
}

/** A key whose value is a number. The slider is at it, or at the one that an error says to write in its place. */
function Amount({
  judged,
  change,
  label,
  of,
  value,
  least,
  most,
  to,
  usual,
  isHalf = false,
}: Part & {
  label: string;
  of: string;
  value: number | undefined;
  least: number;
  most: number;
  to(value: number | undefined): Changes;
  /** Where it is not written. */
  usual?: number;
  isHalf?: boolean;
}) {
  const error = judged.canKeep ? undefined : judged.plan.errors.find(each => each.key === of && each.line > 0),
    said = Number(error && remedyOf(error)),
    at = Math.min(most, Math.max(least, error ? said || least : (value ?? usual ?? least)));
  return (
    <Field label={label} of={of} judged={judged} isHalf={isHalf}>
      {id => (
        <span class="amount">
          <input
            type="range"
            aria-label={label}
            min={least}
            max={most}
            value={at}
            style={`--part:${(100 * (at - least)) / Math.max(1, most - least)}%`}
            onChange={event => change(to(event.currentTarget.valueAsNumber))}
          />
          <TypedInput
            id={id}
            class="in"
            type="number"
            min={least}
            value={error ? '' : (value ?? '')}
            placeholder={error ? unreadOf(error) : String(usual ?? '')}
            aria-invalid={error !== undefined}
            commit={written => change(to(written === '' ? undefined : Number(written)))}
          />
        </span>
      )}
    </Field>
  );
}

/** Name, type, notes, memory and processors. */
function General({ judged, change, source }: Part & { source: Source }) {
  const { definition: vm } = judged,
    machine = info.value,
    part: Part = { judged, change },
    // One of another host is shown as what it is.
    kinds = [...new Set([...judged.kinds, vm.kind])];
  return (
    <>
      <Written {...part} label={words.name} of="name" value={vm.name} to={name => ({ name })} isHalf />
      <Field label={words.mode} of="type" judged={judged} isHalf>
        {id => (
          <span class="seg" role="group" id={id} aria-label={words.mode}>
            {kinds.map(kind => (
              <button
                key={kind}
                type="button"
                aria-pressed={vm.kind === kind}
                onClick={() => vm.kind === kind || change({ kind })}
              >
                {kind.toUpperCase()}
              </button>
            ))}
          </span>
        )}
      </Field>
      <p class="cap-t hint-m">
        {words.kinds[vm.kind]}
        {inForms(vm).startsDisks && source === 'kernel' ? words.direct : ''}
      </p>
      <Field label={tagWords.name} of="tags" judged={judged}>
        {id => (
          <TagsField
            id={id}
            tags={vm.tags ?? []}
            commit={tags => change({ tags: tags.length > 0 ? tags : undefined })}
          />
        )}
      </Field>
      <Field label={words.notes} of="description" judged={judged}>
        {id => (
          <Notes
            id={id}
            value={vm.description ?? ''}
            commit={written => change({ description: written || undefined })}
          />
        )}
      </Field>
      <Amount
        {...part}
        label={words.memory}
        of="memory"
        value={vm.memoryMiB}
        least={4}
        most={Math.max(4, machine?.freeMiB ?? 1024)}
        to={value => ({ memoryMiB: value ?? 32 })}
      />
      <Amount
        {...part}
        label={words.vcpus}
        of="vcpus"
        value={vm.vcpus}
        least={1}
        most={Math.max(4, machine?.pcpus ?? 1)}
        to={value => ({ vcpus: value ?? 1 })}
        isHalf
      />
      <Amount
        {...part}
        label={words.weight}
        of="cpu_weight"
        value={vm.weight}
        least={1}
        most={1024}
        to={weight => ({ weight })}
        usual={inForms(vm).weight}
        isHalf
      />
    </>
  );
}

/** What it starts: a kernel, or the firmware that starts a disk. */
function Start({ judged, change, source, startFrom }: Part & { source: Source; startFrom(from: Source): void }) {
  const { definition: vm } = judged;
  return (
    <>
      {inForms(vm).startsDisks && (
        <div class="fld">
          <label>{words.startFrom}</label>
          <span class="seg" role="group" aria-label={words.startFrom}>
            {(['cd', 'disk', 'kernel'] as const).map(from => (
              <button key={from} type="button" aria-pressed={source === from} onClick={() => startFrom(from)}>
                {words.starts[from]}
              </button>
            ))}
          </span>
        </div>
      )}
      {source === 'kernel' && (
        <Written
          judged={judged}
          change={change}
          label={words.kernel}
          of="kernel"
          value={vm.kernel}
          to={kernel => ({ kernel: kernel || undefined, ...(kernel ? {} : { ramdisk: undefined }) })}
          list="edit-kernels"
        />
      )}
      {source !== 'kernel' && (
        <Field label={words.boot} of="boot" judged={judged} isHalf>
          {id => (
            <TypedInput
              id={id}
              class="in"
              value={vm.bootOrder}
              title={words.bootHint}
              spellcheck={false}
              autocomplete="off"
              commit={written => change({ bootOrder: written.trim() })}
            />
          )}
        </Field>
      )}
      {source !== 'kernel' && (
        <Field label={words.bios} of="bios" judged={judged} isHalf>
          {id => (
            <select
              id={id}
              class="in"
              value={vm.bios ?? 'ringside'}
              onChange={event => change({ bios: event.currentTarget.value === 'seabios' ? 'seabios' : undefined })}
            >
              <option value="ringside">{words.ownBios}</option>
              <option value="seabios">SeaBIOS</option>
            </select>
          )}
        </Field>
      )}
    </>
  );
}

function Disks({ judged, change, choices, makesVolumes }: Props) {
  const { definition: vm } = judged;
  const setDisks = (disks: readonly Disk[]): void => change({ disks });
  const volumes = (makesVolumes && inventory.value?.stored?.disk?.volumes) || [];
  /** What another guest has cannot be attached. */
  const free = volumes.filter(
      ({ path, users, snapshot }) => !snapshot && users.length === 0 && !vm.disks.some(({ target }) => target === path),
    ),
    taken = volumes.filter(({ path, users }) => users.length > 0 && !vm.disks.some(({ target }) => target === path));
  return (
    <Field label={words.disks} of="disk" judged={judged} {...(makesVolumes ? {} : { hint: words.droppedHint })}>
      {id => (
        <span class="disks" id={id} role="group" aria-label={words.disks}>
          {vm.disks.map((disk, i) => (
            <DiskRow
              key={`${i} ${disk.vdev}`}
              disk={disk}
              put={to => setDisks(vm.disks.flatMap((each, n) => (n !== i ? [each] : to ? [to] : [])))}
            />
          ))}
          {free.length > 0 && (
            <ul class="vols" aria-label={words.volumes}>
              {free.map(volume => (
                <Volume
                  key={volume.path}
                  volume={volume}
                  attach={() => setDisks([...vm.disks, { ...freshDisk(vm, []), target: volume.path }])}
                />
              ))}
            </ul>
          )}
          {taken.length > 0 && <span class="cap-t">{words.others(taken.map(({ name }) => name).join(', '))}</span>}
          <span class="row wrap addd">
            <button type="button" class="btn sm" onClick={() => setDisks([...vm.disks, freshDisk(vm, choices.disks)])}>
              <Icon name="plus" />
              {words.addDisk}
            </button>
            {makesVolumes && (
              <details class="newv" open={volumes.length === 0}>
                <summary>{words.newVolume}</summary>
                <NewVolume
                  suggested={vm.name || 'disk'}
                  made={target => setDisks([...vm.disks, { ...freshDisk(vm, []), target }])}
                />
              </details>
            )}
          </span>
        </span>
      )}
    </Field>
  );
}

function Network({ judged, change }: Part) {
  const { definition: vm, cards } = judged;
  const [first] = vm.cards;
  const card = first ? (first.model ?? 'vif') : 'none';
  return (
    <Field label={words.network} of="vif" judged={judged}>
      {id => (
        <select id={id} class="in" value={card} onChange={event => change(cardChanges(vm, event.currentTarget.value))}>
          <option value="none">{words.noCard}</option>
          {(inForms(vm).pvCards || card === 'vif') && <option value="vif">{words.pvCard}</option>}
          {inForms(vm).pcCards &&
            cards.map(({ model, name }) => (
              <option key={model} value={model}>
                {name}
              </option>
            ))}
        </select>
      )}
    </Field>
  );
}

/** What few change. */
function Few({ judged, change }: Part) {
  const { definition: vm } = judged,
    part: Part = { judged, change };
  return (
    <More
      summary={vm.kernel ? words.more : words.moreHvm}
      isNeeded={Boolean(vm.ramdisk || vm.cmdline) || judged.plan.errors.some(({ key }) => MORE.has(key))}
    >
      {vm.kernel && (
        <Written
          {...part}
          label={words.ramdisk}
          of="ramdisk"
          value={vm.ramdisk}
          to={ramdisk => ({ ramdisk: ramdisk || undefined })}
          list="edit-kernels"
          isHalf
        />
      )}
      {vm.kernel && (
        <Written {...part} label={words.cmdline} of="cmdline" value={vm.cmdline} to={cmdline => ({ cmdline })} isHalf />
      )}
      <Field label={words.onReboot} of="on_reboot" judged={judged} isHalf>
        {id => <Actions id={id} value={vm.onReboot} put={onReboot => change({ onReboot })} />}
      </Field>
      <Field label={words.onCrash} of="on_crash" judged={judged} isHalf>
        {id => <Actions id={id} value={vm.onCrash} put={onCrash => change({ onCrash })} />}
      </Field>
    </More>
  );
}

const MORE: ReadonlySet<string> = new Set(['ramdisk', 'cmdline', 'extra', 'on_reboot', 'on_crash']);

/** What few change: folded, unless the definition has it or something is wrong with it; what somebody opened stays so. */
function More({ summary, isNeeded, children }: { summary: string; isNeeded: boolean; children: ComponentChildren }) {
  const isOpen = useSignal(false);
  return (
    <details
      class="fmore"
      open={isNeeded || isOpen.value}
      onToggle={event => {
        isOpen.value = event.currentTarget.open;
      }}
    >
      <summary>{summary}</summary>
      <div class="fmore-f">{children}</div>
    </details>
  );
}

/** The first card is another one; without it the guest has none at all. */
function cardChanges({ cards: [first = {}, ...others] }: Definition, chosen: string): Changes {
  if (chosen === 'none') return { cards: [] };
  const { model: _before, ...card } = first;
  const model = chosen === 'vif' ? undefined : (chosen as NonNullable<Card['model']>);
  return { cards: [{ ...card, pv: true, ...(model ? { model } : {}) }, ...others] };
}

/** The first name that no disk has, and a volume or image that none of its disks is. */
function freshDisk(vm: Definition, paths: readonly string[]): Disk {
  const prefix = inForms(vm).disks;
  const letter = [...'abcdefghijklmnop'].find(each => !vm.disks.some(({ vdev }) => vdev === prefix + each)) ?? 'p';
  const target =
    paths.find(path => !vm.disks.some(disk => disk.target === path)) ?? paths[0] ?? '/var/lib/xen/images/disk.img';
  return {
    target,
    format: 'raw',
    vdev: prefix + letter,
    kind: 'disk',
    readOnly: false,
    place: 0,
    at: { line: 1, column: 1 },
  };
}

/** One of the host's volumes that nobody has: a click makes it a disk of this guest. */
function Volume({ volume: { name, bytes }, attach }: { volume: VolumeInfo; attach(): void }) {
  return (
    <li>
      <button type="button" onClick={attach}>
        <Icon name="plus" size={10} />
        <code>{name}</code>
        <span class="sec">{words.freeVolume}</span>
        <code>{size(bytes)}</code>
      </button>
    </li>
  );
}

function DiskRow({ disk, put }: { disk: Disk; put(disk: Disk | undefined): void }) {
  return (
    <span class="disk">
      <TypedInput
        class="in dev"
        aria-label={words.device}
        value={disk.vdev}
        spellcheck={false}
        commit={written => put({ ...disk, vdev: written.trim() })}
      />
      <TypedInput
        class="in"
        aria-label={words.target(disk.vdev)}
        list="edit-disks"
        value={disk.target}
        placeholder={disk.kind === 'cdrom' ? words.emptyDrive : ''}
        spellcheck={false}
        commit={written => put({ ...disk, target: written.trim() })}
      />
      <select
        class="in how"
        aria-label={words.how(disk.vdev)}
        value={disk.kind === 'disk' ? (disk.readOnly ? 'ro' : 'rw') : disk.kind}
        disabled={disk.kind === 'floppy'}
        onChange={event => {
          const to = event.currentTarget.value;
          put({ ...disk, kind: to === 'cdrom' ? 'cdrom' : 'disk', readOnly: to !== 'rw' });
        }}
      >
        <option value="rw">{words.writable}</option>
        <option value="ro">{words.readOnly}</option>
        <option value="cdrom">{words.cdrom}</option>
        {disk.kind === 'floppy' && <option value="floppy">{words.floppy}</option>}
      </select>
      <button
        type="button"
        class="btn quiet icon sm"
        aria-label={words.removeDisk(disk.vdev)}
        onClick={() => put(undefined)}
      >
        <Icon name="close" size={10} />
      </button>
    </span>
  );
}

const ACTIONS = ['destroy', 'restart', 'rename-restart', 'preserve', 'coredump-destroy', 'coredump-restart'] as const;
function Actions({
  id,
  value,
  put,
}: {
  id: string;
  value: (typeof ACTIONS)[number];
  put(value: (typeof ACTIONS)[number]): void;
}) {
  return (
    <select
      id={id}
      class="in"
      value={value}
      onChange={event => put(event.currentTarget.value as (typeof ACTIONS)[number])}
    >
      {ACTIONS.map(each => (
        <option key={each}>{each}</option>
      ))}
    </select>
  );
}

/** A field with what is wrong with its key; two halves are side by side. The line of the text that it represents is marked while one is in it. */
function Field({
  label,
  of,
  judged,
  hint,
  isHalf,
  children,
}: {
  label: string;
  of: string;
  judged: JudgedText;
  hint?: string;
  isHalf?: boolean;
  children(id: string): ComponentChildren;
}) {
  const errors = judged.plan.errors.filter(({ key }) => key === of || key.startsWith(`${of}.`));
  const id = `edit-${of}`;
  return (
    <div
      class={`fld${isHalf ? ' half' : ''}${chosenKey.value === of ? ' sel' : ''}${errors.length > 0 ? ' wrong' : ''}`}
      onFocusCapture={() => {
        chosenKey.value = of;
      }}
    >
      <label for={id}>{label}</label>
      {children(id)}
      {errors.length > 0
        ? errors.map((error, i) => (
            <p key={i} class="wrongly">
              <Tag kind={error.verdict}>
                <span>{error.line > 0 ? viewStrings.defined.atLine(error, remedyOf(error)) : error.text}</span>
              </Tag>
            </p>
          ))
        : hint && <p class="cap-t">{hint}</p>}
    </div>
  );
}

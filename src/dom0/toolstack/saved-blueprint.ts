/** What a saved domain is built from again: its definition, its drives, and what it was called. */
import { DEFAULT_MAC } from '../../hypervisor/domain/index.ts';
import { FRAMES_A_MIB } from '../../hypervisor/layout/index.ts';
import type { DriveImage, SavedState } from '../../hypervisor/index.ts';
import type { SavedDrive } from '../../hypervisor/disks/index.ts';
import { modelOf } from '../backends/device-model/index.ts';
import { baseName, ideName } from '../definitions/index.ts';
import { BAD_NAME, type Card, type Definition, judgeDefinition, lengthProblem } from '../definitions/config/index.ts';
import { kindOf } from './kinds/index.ts';
import { DEVICE_KINDS, restoredBy, savedDisks } from './devices/index.ts';
import type { Blueprint } from './running-domain.ts';
import type { SavedFile } from './runners/runner.ts';

/** What a saved domain was called last. */
export const nameOf = ({ about, toolstack }: SavedState): string =>
  typeof toolstack?.name === 'string' ? toolstack.name : about.name;

/** A balloon of KVM's comes to pages, and not to MiB. */
const isWholePages = (mib: unknown): mib is number => typeof mib === 'number' && Number.isInteger(mib * FRAMES_A_MIB);

/**
 * The memory that a saved domain is to have, and its balloon's target (libxl_retrieve_domain_configuration takes memory/target, too). A state
 * from before this was stored has what the domain had.
 */
function targetOf({ about, toolstack = {} }: SavedState, mostMiB: number): { memoryMiB: number; targetKiB?: number } {
  const { targetMiB, targetKiB } = toolstack;
  const fits = (value: unknown, most: number): value is number =>
    Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most;
  return {
    memoryMiB: isWholePages(targetMiB) && fits(Math.ceil(targetMiB), mostMiB) ? targetMiB : about.populatedMiB,
    ...(fits(targetKiB, mostMiB * 1024) ? { targetKiB } : {}),
  };
}

/** Those on its board are the state's, and what is asked of them their definition's; its other cards are for PV drivers. */
function cardsOf({ cards = [] }: SavedState['about'], judged: Definition): Card[] {
  const placeOf = ({ place }: Card, index: number): number => place ?? index;
  const onBoard = cards.map(({ place, model, mac = DEFAULT_MAC }): Card => {
    const asked = judged.cards.find((card, index) => placeOf(card, index) === place);
    return { ...asked, model, mac, ...(place > 0 ? { place } : {}) };
  });
  const others = judged.cards.filter((card, index) => !cards.some(({ place }) => place === placeOf(card, index)));
  return [...onBoard, ...others.map(({ model: _model, ...card }) => card)];
}

/** What a saved domain is built from again; `drives`: where its media are now. @throws Error with a sentence */
export function blueprintOf(
  state: SavedState,
  from: Omit<SavedFile, 'state'>,
  drives: readonly DriveImage[],
  file: string,
): Blueprint {
  const { about, boot } = state;
  const tooLong = lengthProblem(about.definition.length);
  if (tooLong) throw new Error(`${file} has no definition that could be read: ${tooLong}`);
  if (BAD_NAME.test(nameOf(state)))
    throw new Error(`${file} has a domain whose name has a slash or a control character. Save it under another name.`);
  const { definition: judged } = judgeDefinition(about.name, about.definition);
  // Its type, the devices that it has, and where its RAM lies, whatever the definition's text says, if there is one: xl's default is paravirtual.
  const { mmioHoleMiB: _hole, ...rest } = judged;
  // A guest that sees machine memory sees what it has at first, and may get more.
  const mostMiB = Math.max(about.memoryMiB, (kindOf(about).reach === 'machine' && judged.maxMemoryMiB) || 0);
  const { memoryMiB, ...told } = targetOf(state, mostMiB);
  const emulated: Definition = {
    ...rest,
    name: nameOf(state),
    kind: about.kind,
    memoryMiB,
    maxMemoryMiB: mostMiB,
    ...(about.lowMiB === undefined ? {} : { mmioHoleMiB: 4096 - about.lowMiB }),
    vcpus: about.vcpus ?? 1,
    modelInDomain0: modelOf(state) !== undefined,
    ...(about.uuid ? { uuid: about.uuid } : {}),
    cards: cardsOf(about, judged),
  };
  return {
    definition: restoredBy(DEVICE_KINDS, emulated, state.toolstack ?? {}),
    boot,
    drives,
    text: about.definition,
    ...documentIn(state.toolstack),
    startEpochMs: about.startEpochMs,
    saved: { state, ...from, ...told },
  };
}

function documentIn({ document }: { document?: unknown } = {}): { document?: string } {
  return typeof document === 'string' && lengthProblem(document.length) === undefined ? { document } : {};
}

/** The drives of a saved domain; `media` gives what lies in one now, by its label and by what the definition calls the drive. A medium that is not there is missed when the state is read into the domain. */
export function savedDrives(
  state: SavedState,
  media: (label: string, kind: DriveImage['kind'], vdev: string) => DriveImage['medium'],
): DriveImage[] {
  const virtual = savedDisks(state.toolstack?.disks)?.disks ?? [];
  const drive = (
    { place, kind, bytes, label, readOnly: isSavedSo }: SavedDrive,
    more: { place?: number; vdev?: string; readOnly?: boolean } = {},
  ): DriveImage[] => {
    const medium = bytes >= 0 ? media(label, kind, more.vdev ?? ideName(place)) : undefined;
    if (bytes >= 0 && !medium) return [];
    return [{ place, kind, readOnly: isSavedSo ?? kind === 'cdrom', ...more, ...(medium ? { medium } : {}) }];
  };
  const emulated = modelOf(state)?.drives ?? state.about.drives ?? [];
  return [
    ...emulated.flatMap(saved => {
      const same = virtual.find(({ place }) => place === saved.place);
      return drive(saved, same && { vdev: same.vdev, readOnly: same.readOnly });
    }),
    ...virtual
      .filter(({ place }) => place < 0)
      .flatMap(({ vdev, readOnly, drive: saved }) => drive(saved, { place: -1, vdev, readOnly })),
  ];
}

/** What was found of media by what the definition calls their drives, and by their files' names: files of different folders may have one name, and the drive says which it was. */
export const foundIn =
  <Medium extends { name: string }>(inDrives: ReadonlyMap<string, Medium>, byName: ReadonlyMap<string, Medium>) =>
  (label: string, vdev: string): Medium | undefined =>
    [inDrives.get(vdev), byName.get(baseName(label))].find(
      medium => medium && baseName(medium.name) === baseName(label),
    );

/** What lay in the drives of a saved domain, by the names that it was saved with. */
export function labelsOf(state: SavedState): string[] {
  const labels: string[] = [];
  savedDrives(state, label => {
    labels.push(label);
    return undefined;
  });
  return labels;
}

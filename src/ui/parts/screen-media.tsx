/** Floppies, CDs and images of a guest, in the bar of its screen: another one is inserted, what is there is taken out, and what was written is downloaded. */
import { type CommandValue, commandOf } from '../../dom0/toolstack/hypervisors/command/index.ts';
import { useSignal } from '@preact/signals';
import type { GuestDrive, NamedFile } from '../../dom0/service/index.ts';
import { asTask, host } from '../host.ts';
import { downloadImage } from '../image-download.ts';
import { draft } from '../navigation.ts';
import { type DomainSession, sessions } from '../sessions.ts';
import { useFacts } from './guest-facts.ts';
import { type Sendable, SendMenu } from './send-menu.tsx';
import { couldLieIn, mediaWords as words } from './media-words.ts';

/** All files that this page was given and still has, the last ones first. */
function givenFiles(): NamedFile[] {
  const all = [
    ...(draft.value?.files ?? []),
    ...[...sessions.value.values()].reverse().flatMap(({ files }) => files ?? []),
  ];
  return all.filter((file, i) => all.findIndex(({ name }) => name === file.name) === i);
}

/** A file of the visitor's, by the browser's own dialogue. */
function chooseFiles(take: (files: NamedFile[]) => void): void {
  const input = document.createElement('input');
  input.type = 'file';
  input.multiple = true;
  input.onchange = () => {
    const files = [...(input.files ?? [])].map(file => ({ name: file.name, data: file }));
    if (files.length > 0) take(files);
  };
  input.click();
}

export function ScreenMedia({ session }: { session: DomainSession }) {
  const asked = useSignal(0),
    facts = useFacts(session, asked.value);
  if (!facts) return null;
  const { name } = session.info.value,
    { id, over } = session;
  const act = (command: CommandValue, work: () => Promise<unknown>): void =>
    void asTask(command, work).then(() => {
      asked.value++;
    });
  const removable = (drive: GuestDrive): Sendable[] => {
    const { vdev, kind, target } = drive;
    const insert = (files: NamedFile[]): void =>
      act(commandOf('cd-insert', name, { drive: vdev, media: [files[0]!.name] }), () =>
        host['cd-insert'](id, vdev, files),
      );
    const others = givenFiles().filter(file => file.name !== target && couldLieIn(kind, file));
    return [
      { name: words.drive(kind, vdev, target) },
      { name: words.insert, run: () => chooseFiles(insert) },
      ...others.map(file => ({ name: words.take(file.name), run: () => insert([file]) })),
      ...(target === ''
        ? []
        : [
            {
              name: words.eject,
              run: () => act(commandOf('cd-eject', name, { drive: vdev }), () => host['cd-eject'](id, vdev)),
            },
          ]),
    ];
  };
  const items = [
    ...(over ? [] : facts.drives.filter(({ kind }) => kind !== 'disk').flatMap(removable)),
    ...facts.drives
      .filter(({ image }) => image)
      .map(({ vdev, target }) => ({ name: words.download(target), run: () => void downloadImage(id, name, vdev) })),
  ];
  return items.length > 0 ? <SendMenu items={items} label={words.label} /> : null;
}

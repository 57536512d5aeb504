/** Files that a guest wrote before: the next guest goes on with that, or begins with the file as it is. */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { NamedFile } from '../../dom0/service/index.ts';
import { asTask, host } from '../host.ts';
import { bytes } from '../terminal.ts';

const words = {
  goesOn: (name: string, written: number) =>
    `${name}: a guest goes on with the ${bytes(written)} that a guest before it wrote. The file itself is as it was.`,
  forget: 'Begin with the file',
};

interface Written {
  name: string;
  volume: string;
  bytes: number;
}

export function KeptWrites({ files }: { files: readonly NamedFile[] }) {
  const found = useSignal<readonly Written[]>([]);
  useEffect(() => {
    let closed = false;
    found.value = [];
    host.consult('keptWrites', [...files]).then(
      all => {
        if (!closed) found.value = all;
      },
      // A host that keeps nothing has nothing.
      () => {},
    );
    return () => {
      closed = true;
    };
  }, [files]);
  const forget = (volume: string): void =>
    void asTask(`lvremove vg0/${volume}`, async () => {
      await host.diskCommand(['lvremove', '-f', `vg0/${volume}`]);
      found.value = found.value.filter(each => each.volume !== volume);
    });
  return (
    <>
      {found.value.map(({ name, volume, bytes: written }) => (
        <div class="note" role="status" key={volume}>
          <span>{words.goesOn(name, written)}</span>
          <button class="btn sm" onClick={() => forget(volume)}>
            {words.forget}
          </button>
        </div>
      ))}
    </>
  );
}

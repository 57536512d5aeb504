/** How a guest is to go to another host: what becomes of its disks, and when it begins to run there. */
import '../parts/snapshots.css';
import { useSignal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { MoveWish } from '../../dom0/toolstack/index.ts';
import { bytes } from '../terminal.ts';
import { Both } from '../parts/both-words.tsx';
import { useClosedByBack } from '../parts/closed-by-back.ts';
import { type AskedMove, askedMove, migrate, migrating } from './pool.ts';
import { words } from './words.ts';

export function MoveDialog({ asked }: { asked: AskedMove }) {
  const { guest, to, disks, slowed } = asked;
  const dialog = useRef<HTMLDialogElement>(null);
  const copied = disks.filter(({ how }) => how === 'copied');
  const copies = useSignal(copied.length > 0),
    postcopy = useSignal(false);
  useLayoutEffect(() => dialog.current!.showModal(), []);
  const close = (): void => {
    if (askedMove.peek() === asked) askedMove.value = undefined;
  };
  useClosedByBack(close);
  const wish: MoveWish = {
    ...(slowed ? { autoConverge: true } : {}),
    ...(copies.value ? { copyStorage: 'all' } : {}),
    ...(postcopy.value ? { postcopy: 'after-precopy' } : {}),
  };
  const total = copied.reduce((sum, disk) => sum + disk.bytes, 0);
  return (
    <dialog
      class="palette namer"
      ref={dialog}
      aria-labelledby="move-title"
      onClose={close}
      onClick={event => {
        if (event.target === dialog.current) close();
      }}
    >
      <form
        onSubmit={event => {
          event.preventDefault();
          close();
          migrate(guest, to, wish);
        }}
      >
        <h2 id="move-title">{words.moveTitle(guest.name, to)}</h2>
        {disks.length === 0 && <p>{words.noDisks}</p>}
        {disks.length > 0 && (
          <ul class="mdisks">
            {disks.map(({ path, how, bytes: size }) => (
              <li key={path}>
                <code class="cut">{path}</code> <span>{words.disk[how](bytes(size), to)}</span>
              </li>
            ))}
          </ul>
        )}
        {copied.length > 0 && <Choice is={copies} name={words.copyDisks(bytes(total))} hint={words.copyHint(to)} />}
        <Choice is={postcopy} name={words.postcopyWish(to)} hint={words.postcopyHint} />
        <p class="cap-t">
          <Both command={migrating(guest.name, to, wish)} />
        </p>
        <div class="row wrap">
          <button type="button" class="btn" onClick={close}>
            {words.cancel}
          </button>
          <button class="btn primary">{words.move}</button>
        </div>
      </form>
    </dialog>
  );
}

function Choice({ is, name, hint }: { is: { value: boolean }; name: string; hint: string }) {
  return (
    <label class="mchoice">
      <input
        type="checkbox"
        checked={is.value}
        onChange={event => {
          is.value = event.currentTarget.checked;
        }}
      />
      <span>
        {name} <span class="cap-t">{hint}</span>
      </span>
    </label>
  );
}

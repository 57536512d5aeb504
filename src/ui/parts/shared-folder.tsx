/** At a guest: the folder that was dropped on it, and the command by which it is mounted there. */
import { useSignal } from '@preact/signals';
import { copyToClipboard } from '../clipboard.ts';
import { sharing } from '../share-folder.ts';
import { Tag } from './marks.tsx';

const words = {
  going: (name: string) => `${name} is copied to the host …`,
  shared: (name: string, path: string) => `The guest has ${name}, which is ${path} on the host. Type in the guest:`,
  copy: 'Copy',
  copied: 'Copied',
  close: 'Close',
};

export function SharedFolder({ id }: { id: number }) {
  const copied = useSignal(false);
  const now = sharing.value;
  if (now?.id !== id) return null;
  const { name, path, command, problem } = now;
  return (
    <div class={`note${problem ? ' bad' : ''}`} role="status">
      {problem ? (
        <Tag kind="failed">
          <span>{problem}</span>
        </Tag>
      ) : command && path ? (
        <>
          <span>{words.shared(name, path)}</span>
          <code>{command}</code>
          <button
            class="btn sm"
            onClick={() =>
              void copyToClipboard(command).then(isThere => {
                copied.value = isThere;
              })
            }
          >
            {copied.value ? words.copied : words.copy}
          </button>
        </>
      ) : (
        <span>{words.going(name)}</span>
      )}
      {(problem || command) && (
        <button
          class="btn sm"
          onClick={() => {
            sharing.value = undefined;
          }}
        >
          {words.close}
        </button>
      )}
    </div>
  );
}

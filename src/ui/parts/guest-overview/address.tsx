/** An address of a guest, with a button that copies it. */

import { useSignal } from '@preact/signals';
import { copyToClipboard } from '../../clipboard.ts';
import { Icon } from '../marks.tsx';
import { words } from './words.ts';

const COPIED_MS = 2000;

export function Address({ address, from }: { address: string; from: string }) {
  const said = useSignal('');
  const copy = async (): Promise<void> => {
    said.value = (await copyToClipboard(address)) ? words.copied : words.byHand;
    setTimeout(() => {
      said.value = '';
    }, COPIED_MS);
  };
  return (
    <span class="row wrap">
      <code class="m">{address}</code>
      <button
        class="btn quiet icon sm"
        aria-label={words.copy(address)}
        title={words.copy(address)}
        onClick={() => void copy()}
      >
        <Icon name="copy" />
      </button>
      <span class="sec">{from}</span>
      <span class="sec" role="status">
        {said.value}
      </span>
    </span>
  );
}

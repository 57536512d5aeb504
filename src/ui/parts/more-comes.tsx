/** Guests that `npm start` still fetches: how far it is, or why they do not come and what to do. Loaded where some come. */

import type { Coming } from '../offered-guests.ts';
import { Tag } from './marks.tsx';

const words = {
  comes: (text: string) => `Debian’s guests are being fetched and join this list: ${text}.`,
  packages: (done: number, of: number) => `${done} of ${of} packages`,
  failed: (why: string) => `Debian’s guests could not be fetched: ${why}.`,
  instead: 'The guests above work without them. With a Debian 12 archive at hand, run',
  command: 'npm run guests -- --from FOLDER-OR-ADDRESS',
  after: 'and load this page again.',
};

export function MoreComes({ now }: { now: Coming }) {
  if ('problem' in now)
    return (
      <p class="cf sec" role="status">
        <Tag kind="failed">
          <span>{words.failed(now.problem)}</span>
        </Tag>{' '}
        {words.instead} <code>{words.command}</code> {words.after}
      </p>
    );
  return (
    <div class="cf sec" role="status">
      {now.of > 0 && (
        <div
          class="bar"
          role="progressbar"
          aria-label={words.packages(now.done, now.of)}
          aria-valuemin={0}
          aria-valuemax={now.of}
          aria-valuenow={now.done}
        >
          <i style={`width:${(100 * now.done) / now.of}%`} />
        </div>
      )}
      {words.comes(now.text)}
      {now.of > 0 && ` ${words.packages(now.done, now.of)}`}
    </div>
  );
}

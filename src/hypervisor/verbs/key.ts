/** A key by its KeyboardEvent.code. */
import { verb } from './verb.ts';

export const key = verb({
  mayBeLost: true,
  apply: ({ domain }, code: string, down: boolean) => domain.platform.keyboard.key(code, down),
});

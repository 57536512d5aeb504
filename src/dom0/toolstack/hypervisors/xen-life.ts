/** A domain's life in xl's words: those of Xen's commands (xen.ts) that commands/life.ts has. A host starts with them. */
import type { Spellings } from './spelling.ts';

export const xenLife = {
  create: (_, { file, settings = [], paused }) => ['xl create', paused && '-p', file, ...settings],
  pause: domain => ['xl pause', domain],
  unpause: domain => ['xl unpause', domain],
  destroy: domain => ['xl destroy', domain],
  shutdown: (domain, { all, fallback }) => ['xl shutdown', all && '-a', fallback && '-F', domain],
  reboot: (domain, { fallback }) => ['xl reboot', fallback && '-F', domain],
  trigger: (domain, { what, vcpu }) => ['xl trigger', domain, what, vcpu],
} satisfies Partial<Spellings>;

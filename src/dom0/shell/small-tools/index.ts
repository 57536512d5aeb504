/**
 * Small tools that scripts take for granted, and that just-bash (3.4.2) lacks or has otherwise than Debian. Sources: the manuals of coreutils, diffutils and
 * bsdextrautils.
 */
import type { ShellCommand } from '../shell-command.ts';
import { COMPARING } from './comparing.ts';
import { DUMPS } from './dumps.ts';
import { byLot, FILES } from './files.ts';
import { SESSION, umask } from './session.ts';
import { tar } from './tar.ts';

/** Characters that `yes` writes. */
const MOST_YES = 1 << 20;
/** 128 + SIGPIPE. */
const BY_PIPE = 141;

/** `random`: below a number. */
export const smallTools = (random: (below: number) => number): Record<string, ShellCommand> => ({
  /** It ends as by SIGPIPE once it has written so much: pipes carry what a command has written when it is over. */
  yes: async words => {
    const line = `${words.length > 0 ? words.join(' ') : 'y'}\n`;
    return { stdout: line.repeat(Math.ceil(MOST_YES / line.length)), stderr: '', exitCode: BY_PIPE };
  },
  umask: umask(),
  tar,
  ...SESSION,
  ...FILES,
  ...byLot(random),
  ...COMPARING,
  ...DUMPS,
});

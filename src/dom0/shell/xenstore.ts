/**
 * xenstore-ls, -read, -write and their like as programs of the shell. Options, output and complaints are those of tools/xenstore/xenstore_client.c of Xen
 * 4.17. All of one call is one transaction, but for ls.
 */
import { type Permission, type StoreClient, StoreError, type StoreView } from '../backends/xenstore/index.ts';
import { failed, type Owned, type Program, type Ran, succeeded } from '../toolstack/programs/index.ts';

/** Columns of the output that is no terminal, and where permissions are. */
const WIDTH = 80,
  PERMISSIONS_AT = 60;
/** Of ` = "..."`. */
const TAG_LENGTH = 8;
const CTRL_C = '\x03';
const MOST_PERMISSIONS = 16;

class Failure extends Error {}

interface Kind {
  summary: string;
  usage: string;
  /** Letters that it knows. */
  flags: string;
  least: number;
  run(view: StoreView, rest: string[], has: (letter: string) => boolean): string;
}

/** Bytes as C's escapes, as sanitise_value() has them. `value` holds a byte a character. */
const NAMED: Record<string, string> = { '\t': '\\t', '\n': '\\n', '\r': '\\r', '\\': '\\\\' };
const sanitised = (value: string): string =>
  value.replace(
    /[^\x20-\x7e]|\\/g,
    byte =>
      NAMED[byte] ??
      (byte < '\x08'
        ? `\\${byte.charCodeAt(0).toString(8)}`
        : `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`),
  );
const BYTES: Record<string, string> = { t: '\t', n: '\n', r: '\r', '\\': '\\' };
const unsanitised = (word: string): string =>
  word.replace(/\\(?:x([0-9a-f]{1,2})|([0-7]{1,3})|(.))/gis, (whole, hex?: string, octal?: string, letter?: string) =>
    hex
      ? String.fromCharCode(Number.parseInt(hex, 16))
      : octal
        ? String.fromCharCode(Number.parseInt(octal, 8) & 255)
        : (BYTES[letter!] ?? whole),
  );

const below = (path: string, name: string): string => `${path.endsWith('/') ? path : `${path}/`}${name}`;
const permissionsText = (permissions: readonly Permission[]): string =>
  permissions.map(({ letter, domid }) => `${letter}${domid}`).join(',');

/** Does it, or fails with these words where xenstored refuses. */
function attempt<T>(words: string, does: () => T): T {
  try {
    return does();
  } catch (error) {
    if (error instanceof StoreError && error.errno !== 'EAGAIN') throw new Failure(words);
    throw error;
  }
}

const there = (view: StoreView, path: string, words: string): void => {
  if (attempt(words, () => view.read(path)) === undefined) throw new Failure(words);
};

function tree(view: StoreView, path: string, depth: number, whole: boolean, permissions: boolean): string {
  const width = whole ? Number.POSITIVE_INFINITY : WIDTH;
  return view
    .directory(path)
    .map(name => {
      const full = below(path, name);
      const shown = whole ? full : ' '.repeat(depth) + name;
      const value = view.read(full) ?? '';
      const long = shown.length + value.length + TAG_LENGTH > width;
      let line = `${shown} = "${long ? `${sanitised(value).slice(0, width - TAG_LENGTH - shown.length)}\\...` : sanitised(value)}"`;
      if (permissions) {
        if (!long) {
          line += ' ';
          for (let at = line.length; !whole && at < PERMISSIONS_AT; at++) line += at & 1 ? '.' : ' ';
        }
        line += `  (${permissionsText(view.permissions(full))})`;
      }
      return `${line}\n${tree(view, full, depth + 1, whole, permissions)}`;
    })
    .join('');
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

function setPermissions(view: StoreView, path: string, permissions: Permission[], up: boolean, down: boolean): void {
  if (path === '') return;
  attempt(`Error occurred setting permissions on '${path}'`, () => view.setPermissions(path, permissions));
  if (up) setPermissions(view, parentOf(path), permissions, true, false);
  if (down) for (const name of view.directory(path)) setPermissions(view, below(path, name), permissions, false, true);
}

const KINDS: Record<string, Kind> = {
  ls: {
    summary: "shows xenstored's tree",
    usage: '[-h] [-f] [-p] [-s] [path]',
    flags: 'fps',
    least: 0,
    run: (view, rest, has) =>
      (rest.length > 0 ? rest : ['/'])
        .map(path => {
          there(view, path, `xs_directory (${path}): No such file or directory`);
          return tree(view, path, 0, has('f'), has('p'));
        })
        .join(''),
  },
  read: {
    summary: 'reads nodes of xenstored',
    usage: '[-h] [-p] [-s] key [...]',
    flags: 'ps',
    least: 1,
    run: (view, rest, has) =>
      rest
        .map(path => {
          there(view, path, `couldn't read path ${path}`);
          return `${has('p') ? `${path}: ` : ''}${sanitised(view.read(path)!)}\n`;
        })
        .join(''),
  },
  list: {
    summary: 'lists the names below nodes of xenstored',
    usage: '[-h] [-p] [-s] key [...]',
    flags: 'ps',
    least: 1,
    run: (view, rest, has) =>
      rest
        .map(path => {
          there(view, path, `could not list path ${path}`);
          return view
            .directory(path)
            .map(name => `${has('p') ? `${path}/` : ''}${name}\n`)
            .join('');
        })
        .join(''),
  },
  write: {
    summary: 'writes nodes of xenstored',
    usage: '[-h] [-s] key value [...]',
    flags: 's',
    least: 2,
    run: (view, rest) => {
      if (rest.length % 2 === 1) throw new Failure('Usage');
      for (let i = 0; i < rest.length; i += 2)
        attempt(`could not write path ${rest[i]}`, () => view.write(rest[i], unsanitised(rest[i + 1])));
      return '';
    },
  },
  exists: {
    summary: 'has status 0 where nodes of xenstored are there',
    usage: '[-h] [-s] key [...]',
    flags: 's',
    least: 1,
    run: (view, rest) => {
      for (const path of rest) there(view, path, '');
      return '';
    },
  },
  rm: {
    summary: 'removes nodes of xenstored',
    usage: '[-h] [-s] [-t] key [...]',
    flags: 'st',
    least: 1,
    run: (view, rest, has) => {
      for (const path of rest) {
        const words = `could not remove path ${path}`;
        // xenstored finds no fault with a missing node that could be there.
        there(view, parentOf(path) || '/', words);
        attempt(words, () => view.rm(path));
        if (!has('t')) continue;
        for (
          let above = parentOf(path);
          above !== '' && view.read(above) === '' && view.directory(above).length === 0;
          above = parentOf(above)
        )
          view.rm(above);
      }
      return '';
    },
  },
  chmod: {
    summary: 'says who may read and write nodes of xenstored',
    usage: '[-h] [-u] [-r] [-s] key <mode [modes...]>',
    flags: 'urs',
    least: 2,
    run: (view, [path, ...modes], has) => {
      if (modes.length > MOST_PERMISSIONS)
        throw new Failure(`Too many permissions specified.  Maximum per invocation is ${MOST_PERMISSIONS}.`);
      const permissions = modes.map((mode): Permission => {
        const [, letter, domid] = /^([nrwb])(\d{1,5})$/.exec(mode) ?? [];
        if (letter === undefined || Number(domid) > 0x7fff)
          throw new Failure(`Invalid permission specification: '${mode.slice(0, 40)}'`);
        return { letter: letter as Permission['letter'], domid: Number(domid) };
      });
      setPermissions(view, path, permissions, has('u'), has('r'));
      return '';
    },
  },
};

/** xenstore-watch owns the terminal: it shows what fires until Ctrl-C, or until -n events came. */
async function watch(client: StoreClient, words: string[], { write, listen, signal }: Owned): Promise<number> {
  const limit = words[0] === '-n' ? Number(words[1]) : Number.POSITIVE_INFINITY;
  const paths = words[0] === '-n' ? words.slice(2) : words;
  if (paths.length === 0 || !(limit > 0)) {
    write('xenstore-watch: Usage: xenstore-watch [-h] [-n NR] key [...]\r\n');
    return 1;
  }
  let count = 0;
  const ends: (() => void)[] = [];
  await new Promise<void>(resolve => {
    signal.addEventListener('abort', () => resolve(), { once: true });
    listen(typed => {
      if (typed.includes(CTRL_C)) resolve();
    });
    for (const path of paths)
      ends.push(
        client.watch(path, fired => {
          if (count < limit) write(`${fired}\r\n`);
          if (++count >= limit) resolve();
        }),
      );
  }).finally(() => {
    for (const end of ends) end();
  });
  return 0;
}

/** The programs over a connection of their own to xenstored. */
export function xenstorePrograms(client: StoreClient): Program[] {
  const complete = (words: string[]): string[] => {
    const path = words.at(-1)!;
    const slash = path.lastIndexOf('/') + 1;
    return path.startsWith('/')
      ? client.directory(path.slice(0, slash - 1) || '/').map(name => path.slice(0, slash) + name)
      : [];
  };
  const programs = Object.entries(KINDS).map(([kind, { summary, usage, flags, least, run }]): Program => {
    const name = `xenstore-${kind}`;
    const wrongUse = (): Ran => failed(`${name}: Usage: ${name} ${usage}`);
    return {
      name,
      summary,
      complete,
      run: async words => {
        const end = words.findIndex(word => !/^-[a-z]+$/.test(word));
        const options = (end < 0 ? words : words.slice(0, end)).join('').replaceAll('-', '');
        const rest = end < 0 ? [] : words.slice(end).filter((word, at) => at > 0 || word !== '--');
        if ([...options].some(letter => !flags.includes(letter)) || rest.length < least) return wrongUse();
        const work = (view: StoreView): string => run(view, rest, letter => options.includes(letter));
        try {
          return succeeded(kind === 'ls' ? work(client) : client.transaction(work));
        } catch (error) {
          if (!(error instanceof Failure)) throw error;
          if (error.message === 'Usage') return wrongUse();
          return error.message === '' ? { stdout: '', stderr: '', status: 1 } : failed(`${name}: ${error.message}`);
        }
      },
    };
  });
  const watcher: Program = {
    name: 'xenstore-watch',
    summary: 'shows what changes in xenstored, until Ctrl-C',
    complete,
    run: async () => failed('xenstore-watch: it needs the terminal: give it a line of its own, without pipes.'),
    own: words => terminal => watch(client, words, terminal),
  };
  return [...programs, watcher];
}

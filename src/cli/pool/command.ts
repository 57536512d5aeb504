/** `ringside pool`: the hub of a pool, which serves the page, too. */
import { getRandomValues } from 'node:crypto';
import type { Server, ServerResponse } from 'node:http';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { newCode, secretsOf } from '../../dom0/pool/index.ts';
import { Output } from '../boot/terminal.ts';
import { repository } from '../repository.ts';
import { CODE_FILE_OPTION, CODE_VARIABLE, givenCodes } from './codes.ts';
import { Hub } from './hub.ts';

const WRONG_USE = 2,
  NOT_DONE = 1;
const PORT = 5173,
  MEMBERS = 16,
  MOST_MEMBERS = 64,
  MOST_POOLS = 32;

export const poolHelp = (): string => `Usage: ringside pool [options]

Serves the page, and runs the hub of a pool of hosts. Hosts send each other messages through it, encrypted with the pool's code, which the hub does
not use. Hosts join with ringside sh --join ws://HOST:PORT/#CODE (libvirtd, too), or in Domain 0's shell of the page with pool join ws://HOST:PORT/#CODE.
A class that takes lessons can meet here, too: its teacher writes the code into the class's wall (docs/lessons.md).

  --listen ADDRESS      where: HOST, HOST:PORT or :PORT (127.0.0.1:${PORT}; 0.0.0.0 for other machines, too)
  --members N           members of a pool at most (${MEMBERS}; up to ${MOST_MEMBERS})
  --no-page             only the hub: do not build the page, which hosts without a page do not need
  --code CODE           the pool's code (default: a random one); members return by themselves after a restart with the same code.
                        Several times: as many pools, which do not see each other
  --allow-host NAME     another name that the hub answers to, for example a proxy's; several times. Default: the address of --listen and
                        this machine's names, since another page could have a name of its own lead here
  --allow-origin ORIGIN lets pages of this origin (https://course.example) join, and otherwise only the hub's own; several times.
                        Default: pages of all origins may, if they have the code
  --frame-ancestors ORIGIN   lets pages of this origin show the page in a frame; several times. Default: only lessons (embed=1)
  --code-file FILE      codes from a file, one per line, so that no list of processes shows them; or from the variable ${CODE_VARIABLE}
  --pools N             this many pools with random codes (1; at most ${MOST_POOLS})
`;

class WrongUse extends Error {}

interface Served {
  server: Server;
  url: string;
  others: string[];
  isHost(host: string | undefined): boolean;
}
type Serve = (options: {
  host: string;
  port: number;
  exact: boolean;
  answers: Record<string, (response: ServerResponse) => void>;
  allowHosts: string[];
  ancestors: string[];
}) => Promise<Served>;

/** @throws WrongUse */
export function readListen(text: string): { host: string; port: number } {
  const [, bracketed, plain, portText] = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]*))(?::(\d+))?$/.exec(text) ?? [];
  const port = Number(portText ?? PORT);
  if ((bracketed ?? plain) === undefined || port > 65_535)
    throw new WrongUse(`--listen ${text}: write HOST, HOST:PORT or :PORT; an IPv6 address is in [ ].`);
  return { host: bracketed ?? (plain || '127.0.0.1'), port };
}

async function parse(argv: string[]) {
  try {
    const { values } = parseArgs({
      args: argv,
      options: {
        listen: { type: 'string' },
        members: { type: 'string' },
        code: { type: 'string', multiple: true },
        ...CODE_FILE_OPTION,
        pools: { type: 'string' },
        'no-page': { type: 'boolean' },
        'allow-host': { type: 'string', multiple: true },
        'allow-origin': { type: 'string', multiple: true },
        'frame-ancestors': { type: 'string', multiple: true },
        help: { type: 'boolean', short: 'h' },
      },
    });
    const most = Number(values.members ?? MEMBERS);
    if (!(Number.isInteger(most) && most >= 1 && most <= MOST_MEMBERS))
      throw new Error(`--members ${values.members}: a hub takes 1 to ${MOST_MEMBERS}.`);
    const random = (count: number): Uint8Array => getRandomValues(new Uint8Array(count));
    const pools = Number(values.pools ?? 1);
    if (!(Number.isInteger(pools) && pools >= 1 && pools <= MOST_POOLS))
      throw new Error(`--pools ${values.pools}: a hub has 1 to ${MOST_POOLS}.`);
    const given = givenCodes({ code: values.code, file: values['code-file'] }, process.env);
    if (given && values.pools !== undefined)
      throw new Error('--pools draws codes: write it, or give the code of each pool.');
    const codes = given?.codes ?? Array.from({ length: pools }, () => newCode(random));
    if (codes.length > MOST_POOLS) throw new Error(`A hub has at most ${MOST_POOLS} pools.`);
    const { readOrigin } = (await script('policy.mjs')) as { readOrigin(text: string, option: string): string };
    const originsOf = (option: 'allow-origin' | 'frame-ancestors'): string[] | undefined =>
      values[option]?.map(origin => readOrigin(origin, `--${option}`));
    return {
      ...values,
      most,
      at: readListen(values.listen ?? ''),
      codes,
      codesFrom: given?.from,
      allowHosts: values['allow-host'] ?? [],
      origins: originsOf('allow-origin'),
      ancestors: originsOf('frame-ancestors') ?? [],
    };
  } catch (error) {
    throw new WrongUse((error as Error).message);
  }
}

const withCodes = (codes: readonly string[], addresses: readonly string[]): string =>
  codes
    .map(
      (code, i) =>
        `The${codes.length > 1 ? ` code of pool ${i + 1}` : " pool's code"} is ${code}\nHosts join with ringside sh --join ${addresses.map(address => `${address}#${code}`).join(' or ')}\n`,
    )
    .join('');
/** What is printed may go into a log. */
const withoutCodes = (from: string, addresses: readonly string[]): string =>
  `The pool's code is in ${from}\nHosts join with ringside sh --join ${addresses.join(' or ')}, the code behind # or in --code-file FILE\n`;

interface PageBuilder {
  buildPage(wish: { begins(what: string): void }): Promise<boolean>;
}

const scriptPath = (name: string): string => join(repository(), 'scripts', name);
const script = (name: string): Promise<Record<string, unknown>> =>
  import(/* @vite-ignore */ pathToFileURL(scriptPath(name)).href);

/** Runs until it is ended (Ctrl-C). */
export async function pool(argv: string[]): Promise<number> {
  const [stdout, stderr] = [new Output(1), new Output(2)];
  try {
    const {
      help,
      most,
      at,
      codes,
      codesFrom,
      allowHosts,
      origins,
      ancestors,
      'no-page': noPage = false,
    } = await parse(argv);
    if (help) return (stdout.text(poolHelp()), 0);
    const secrets = await Promise.all(codes.map(secretsOf)),
      rooms = secrets.map(({ room }) => room),
      classes = secrets.map(({ classRoom }) => classRoom);
    // An installed package has the page, and nothing that builds it.
    if (!noPage && existsSync(scriptPath('build.mjs'))) {
      const begins = (what: string): void =>
        stderr.text(`ringside pool: ${what} first, which may take minutes (--no-page: the hub alone)\n`);
      await ((await script('build.mjs')) as unknown as PageBuilder).buildPage({ begins });
    }
    const { serve } = (await script('serve.mjs')) as { serve: Serve };
    let hub: Hub | undefined;
    const health = (response: ServerResponse): void =>
      void response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(hub?.health));
    const answers = { '/health': health };
    const { server, url, others, isHost } = await serve({ ...at, exact: true, answers, allowHosts, ancestors });
    hub = new Hub(server, {
      rooms,
      classes,
      most,
      isHost,
      origins,
      say: sentence => stderr.text(`ringside pool: ${sentence}\n`),
    });
    const addresses = [url, ...others].map(address => address.replace(/^http/, 'ws'));
    if (!noPage) stdout.text(`The page is at ${[url, ...others].join(', ')}\n`);
    stdout.text(codesFrom === undefined ? withCodes(codes, addresses) : withoutCodes(codesFrom, addresses));
    stdout.text('(Ctrl-C ends it.)\n');
    await new Promise<void>(resolve => {
      process.once('SIGINT', resolve);
      process.once('SIGTERM', resolve);
    });
    hub.close();
    server.close();
    return 0;
  } catch (error) {
    if (error instanceof WrongUse) return (stderr.text(`ringside pool: ${error.message}\n`), WRONG_USE);
    if (!('code' in (error as object))) throw error;
    return (stderr.text(`ringside pool: ${(error as Error).message}\n`), NOT_DONE);
  }
}

/**
 * npm run -s bench:memory [-- --flavour amd64|686|686-pae --memory MIB --check]
 *
 * Most memory that node has had (VmHWM) when Debian's kernel is at its init, compared with that of a host without guests. The kernel has written all of its free
 * RAM by then (memtest=1; Linux, Documentation/admin-guide/kernel-parameters.txt). What a guest takes is to be its RAM and at most 160 MiB. --check: status
 * 1 where it is more.
 */
import { buildProgram } from '../scripts/build.mjs';
import { needDebian } from './guests.mjs';
import { need, options, runGuest } from './lib.mjs';

const MOST_MIB = 160;

const { flavour, memory, check } = options({ flavour: 'amd64', memory: 512, check: false });
const guest = needDebian(flavour);
await buildProgram('ringside');

const empty = await runGuest('host', {}, 'Domain-0');
need(empty.rssMiB, `The host did not start: ${empty.why}`);
const touching = { ...guest, cmdline: `${guest.cmdline} memtest=1`, memory };
const booted = await runGuest('ringside', touching, guest.until);
need(booted.rssMiB, `Debian ${flavour} did not boot: ${booted.why}`);
const above = booted.rssMiB - empty.rssMiB - memory;
console.log(
  `Debian ${flavour} with ${memory} MiB: node had ${booted.rssMiB} MiB at most, an empty host ${empty.rssMiB}: ${above} MiB besides both (at most ${MOST_MIB})`,
);
if (check && above > MOST_MIB) process.exitCode = 1;

/** Words of views that are loaded when they are wanted; what the first view says is in strings.ts. */
import type { Cause, Caused } from '../dom0/service/index.ts';
import type { Kind } from '../hypervisor/kinds/index.ts';
import { modeName, ofHost, type OfEach } from './hypervisors/of-host.ts';
import { count, strings } from './strings.ts';

/** What is said of the host's work for a task, and of its list of guests. */
interface HostWords {
  /** One thing that it asked the hypervisor, or what runs a guest, to do. */
  call: string;
  /** Title of the work, before it was counted. */
  nothing: string;
  none: string;
  /** `counted`: how much of each. */
  some(counted: string): string;
  kinds: Readonly<Record<Cause['kind'], string>>;
  /** The order of the tool that lists guests. */
  ownOrder: string;
}
const OF_EACH: OfEach<HostWords> = {
  xen: {
    call: 'hypercall',
    nothing: 'What Domain-0 did for it',
    none: 'Domain-0 made no hypercall for it and wrote nothing into XenStore.',
    some: counted =>
      `Domain-0 did this for it: ${counted}. Here the toolstack calls the hypervisor directly: each call is listed under the name of its hypercall.`,
    kinds: { hypercall: 'hypercall', write: 'XenStore', remove: 'XenStore rm', grant: 'grant', log: 'xl dmesg' },
    ownOrder: 'as xl list',
  },
  kvm: {
    call: 'request',
    nothing: 'What the host did for it',
    none: 'libvirt asked neither QEMU nor Linux for anything.',
    some: counted =>
      `libvirt did this for it: ${counted}. Each is listed under the name that QEMU’s monitor (QMP), KVM or Linux has for it.`,
    kinds: { hypercall: 'request', write: 'written', remove: 'removed', grant: 'granted', log: 'dmesg' },
    ownOrder: 'as virsh list',
  },
};

/** What the host did for a task, counted. */
const did = ({ hypercalls, writes, removals }: Caused): string =>
  [
    hypercalls ? count(hypercalls, ofHost(OF_EACH).call) : '',
    writes ? count(writes, 'XenStore write') : '',
    removals ? count(removals, 'XenStore removal') : '',
  ]
    .filter(Boolean)
    .join(', ');

const OPENS: Readonly<Record<string, string>> = { hvm: 'Its serial line and its screen open here.' };

export const viewStrings = {
  reopen: {
    title: 'Dropped before',
    open: 'Open again',
    openNamed: (name: string) => `Open again: ${name}`,
    forget: (name: string) => `Forget ${name}; its files stay where they are`,
    choose: 'Choose it',
    ask: (files: string[]) =>
      `This browser does not open ${files.join(', ')} by itself. Drop ${files.length === 1 ? 'it' : 'them'} here again, or choose ${files.length === 1 ? 'it' : 'them'}.`,
    changed: (name: string) =>
      `${name} has changed since it was dropped. Forget this and drop it again if you want it as it is now.`,
    other: (name: string, was: number, is: number) =>
      `This ${name} is another file${was === is ? ': its content differs' : `: it has ${is} bytes, and the one that was dropped had ${was}`}. Choose the original, or forget this and drop the new one.`,
  },
  tasks: {
    log: 'log',
    /** The visible word first (WCAG 2.5.3). */
    logOf: (command: string) => `log of ${command}`,
    nothing: () => ofHost(OF_EACH).nothing,
    counts: did,
    about: (caused: Caused) => (did(caused) === '' ? ofHost(OF_EACH).none : ofHost(OF_EACH).some(did(caused))),
    kind: (kind: Cause['kind']) => ofHost(OF_EACH).kinds[kind],
    by: (domain: string) => `${domain} wrote`,
    more: (n: number) => `and ${n} more`,
  },
  hostPage: {
    ...strings.hostPage,
    columns: {
      name: 'Name',
      id: 'ID',
      memory: 'Mem, MiB',
      vcpus: 'VCPUs',
      state: 'State',
      time: 'Time, s',
      up: 'Up',
      address: 'Address',
      mode: 'Mode',
      cpu: (top: number) => `CPU, 60 s, to ${top} %`,
      disk: 'Disk, MiB/s',
      net: 'Net, KiB/s',
    },
    console: 'Console',
    filter: 'Filter of the table',
    pickAll: 'Choose all',
    pick: (name: string) => `Choose ${name}`,
    act: 'Actions',
    sort: 'Sort by',
    ownOrder: () => ofHost(OF_EACH).ownOrder,
    severalHint: 'Ctrl + click, Shift + click or the boxes choose several.',
    definition: 'Definition',
    keep: 'Keep',
    start: 'Start',
    more: (name: string) => `Actions for ${name}`,
    memory: 'Memory',
    memoryCaption: (mib: number) => `${mib} MiB by owner; the number is the domain’s ID`,
    history: 'History',
    cpu: 'CPU',
    cpuUnit: '% of one pCPU',
    memoryUnit: 'MiB',
    net: 'Network',
    netUnit: 'KiB/s of all guests',
    sent: 'sent',
    got: 'received',
    free: 'free',
    disk: 'Disks',
    diskUnit: 'MiB/s of all guests',
    read: 'read',
    written: 'written',
    processors: 'Processors',
    used: (percent: number, pcpus: number) => `${percent.toFixed(0)} of ${100 * pcpus} %`,
    inspect: 'Inspect',
    pcpus: {
      name: (n: number) => `pCPU ${n}`,
      idle: 'idle',
      held: (ms: number, isLeast: boolean) =>
        `for ${isLeast ? 'over ' : ''}${ms < 99.5 ? `${ms.toFixed(1)} ms` : ms < 999.5 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`}`,
      since: 'Since it changed hands',
      caption: (spanMs: number) =>
        `Bar: who held it in the last ${spanMs > 995 ? 'second' : `${spanMs.toFixed(0)} ms`}.`,
      captionHint: 'Held, not used: this computer may have let its worker wait',
    },
    whyUsed: (percent: number, pcpus: number) => `Why ${percent.toFixed(0)} of ${100 * pcpus} %?`,
    whyUsedAnswer: (asked: string[], others: number, waited: number, least: number) =>
      asked.length === 0
        ? `No domain used ${least} % of a processor.`
        : `${asked.length < 2 ? asked[0] : `${asked.slice(0, -1).join(', ')} and ${asked.at(-1)}`} had work, and waited ${waited.toFixed(0)} % of the last second for a processor.${others === 0 ? '' : ' The others slept.'}`,
    groupRest: (all: string, group: string, free: string) => `${all}; ${free} of ${group} free`,
    spans: [
      ['1 min', 60_000],
      ['10 min', 600_000],
      ['1 h', 3_600_000],
    ] as const,
    span: 'How far back',
    used2: (part: number, all: number) => `${part.toFixed(0)} of ${all}`,
    allVolumes: 'Volumes',
    cpuColumn: (name: string) => `CPU ${name}, %`,
    freeColumn: 'free, MiB',
    netColumn: (name: string) => `${name}, KiB/s`,
    diskColumn: (name: string) => `${name}, MiB/s`,
    asTable: 'As table',
    secondsAgo: 'Seconds ago',
    ago: (seconds: number) => (seconds < 120 ? `-${seconds} s` : `-${Math.round(seconds / 60)} min`),
    coarser: 'Older readings are averages: of 5 s after two minutes, of 30 s after ten.',
    now: 'now',
    waiting: 'The first readings come within two seconds.',
    partitions: 'Partitions',
    partition: 'Partition',
    size: 'Size',
    type: 'Type',
    usedBy: 'Used by',
    noOne: 'no one',
    ofSnapshot: (name: string, domain: string) => `snapshot ${name} of ${domain}`,
    types: { 0x82: 'Linux swap', 0x83: 'Linux', 0x8e: 'Linux LVM' } as Record<number, string>,
    diskFacts: (bytes: string, stored: string, where?: string) =>
      `${bytes}; ${stored} of it written${where ? `, in ${where}` : ''}`,
    volumes: (group: string) => `Volumes of ${group}`,
    volume: 'Volume',
    groupFacts: (free: string, all: string) => `${free} of ${all} free`,
    noVolumes: 'No volumes yet.',
    persists: 'The browser has agreed to keep it: only you delete it.',
    mayGo: 'The browser may delete it when it needs room. Export what you cannot lose.',
    askToPersist: 'Ask it to keep it',
    notOpen: 'The disk has not been opened yet. It is when the host needs it.',
    open: 'Open it',
    ports: 'Ports',
    port: 'Port',
    received: 'Received',
    transmitted: 'Sent',
    dropped: 'Dropped',
    packets: (n: number) => count(n, 'packet'),
    portsCaption: 'Received: from the guest behind the port. Sent: to it.',
    stations: 'Stations that it has learned',
    mac: 'MAC address',
    seen: 'Heard',
    stationsCaption: 'Forgotten when nothing was heard for 300 s (brctl showmacs).',
    noStations: 'None yet: no frame has passed.',
    ago2: (seconds: number) => `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s ago`,
  },
  volumes: {
    name: 'Name of the new volume',
    size: 'Size of the new volume, GiB',
    make: 'New volume',
    free: (free: string) => `${free} free`,
    rule: (free: string) =>
      `A name has letters, digits and . _ + -, and does not begin with -; a size is between 0.004 GiB and the ${free} that are free.`,
  },
  defined: {
    ...strings.defined,
    opening: 'The definition is read …',
    kept: (path: string) => path,
    runs: 'It runs; a change counts from its next start',
    runsOn: (name: string, host: string) =>
      `${name} runs on ${host}. Start makes another guest of this name, on this host and with addresses of its own.`,
    gone: (name: string) => `${name} is no longer defined.`,
    changed: 'changed, not kept yet',
    notKept: 'new, not kept yet',
    automatic: 'Starts with the host',
    remove: 'Delete',
    removeNow: 'Delete now',
    revert: 'Revert',
    keepIt: 'Keep in /etc/xen/vm',
    keepAndStart: 'Keep and start',
    startPaused: 'Start paused',
    leaving: (name: string, seconds: number, snapshots: number) =>
      `The definition of ${name} is deleted within ${seconds} s${snapshots === 0 ? '' : `, and ${count(snapshots, 'snapshot')} of it`}. Its disks stay.`,
    write: (what: string) => `Write ${what}`,
    writeIn: (what: string, line: number) => `Write ${what} in line ${line}`,
    waitsForLine: (line: number, key: string) => `Start waits for line ${line}${key ? `, ${key}` : ''}.`,
    once: (errors: number) => (errors === 1 ? 'once its error is fixed' : `once its ${errors} errors are fixed`),
    next: 'Still in its way',
    atLine: ({ line, column, short }: { line: number; column: number; short: string }, remedy: string | undefined) =>
      `Line ${line}, column ${column}: ${short}.${remedy === undefined ? '' : ` Write ${remedy}.`}`,
    keepsIt: 'Keep the text and call',
    placed: (name: string) => `/etc/xen/vm/${name}`,
    andMore: (n: number) => `and ${n} more`,
    otherwise: (n: number) =>
      n === 1 ? 'What the approximated line becomes' : `What the ${n} approximated lines become`,
    why: (key: string) => `Why is ${key} refused?`,
    /** Why what xl would pass over is refused here, by how the short words of a finding begin. */
    reasons: [
      [
        'xl takes MiB',
        'Memory is a whole number of MiB, and a letter makes it none. The xl of Xen only warns and gives the guest 32 MiB, its default. Ringside stops before it asks Xen for anything.',
        'xl.cfg(5), memory=MBYTES',
      ],
    ] as [begins: string, answer: string, source: string][],
    text: 'Text of the definition',
    formName: 'Form of the definition',
    formTitle: 'Form',
    formSame: 'the same data as the text',
    memoryAfter: (n: number) => `Machine memory${n === 0 ? '' : n === 1 ? ' after it starts' : ' after they start'}`,
    memoryFree: (free: number) => `${free} MiB are free`,
    memoryLeft: (mib: number, left: number) => `${mib} MiB more, ${left} MiB stay free`,
    memoryLacks: (mib: number, free: number) => `${mib} MiB are needed, and ${free} are free`,
    form: {
      foreign: 'This text is not in xl’s language. A change here rewrites it as xl.cfg.',
      name: 'Name',
      notes: 'Notes',
      mode: 'Mode',
      memory: 'Memory, MiB',
      vcpus: 'vCPUs',
      weight: 'Weight against others',
      kernel: 'Kernel',
      ramdisk: 'RAM disk',
      cmdline: 'Command line',
      boot: 'Boot order',
      bootHint: 'a floppy, c disk, d CD, n network',
      bios: 'BIOS',
      ownBios: 'Ringside’s own',
      disks: 'Disks',
      startFrom: 'Start from',
      starts: { cd: 'CD', disk: 'Disk', kernel: 'Kernel' },
      volumes: 'Volumes of the host',
      freeVolume: 'attach: no guest has it',
      others: (names: string) => `In use by other guests: ${names}`,
      newVolume: 'New volume …',
      droppedHint: 'A volume of the host, or one of the dropped files.',
      network: 'Network card',
      onReboot: 'When it reboots',
      onCrash: 'When it crashes',
      more: 'More: RAM disk, command line, on crash',
      moreHvm: 'More: on reboot, on crash',
      kinds: {
        pc: 'A whole PC that finds no hypervisor: firmware, VGA, IDE, an emulated card.',
        pv: 'Hypercalls and rings; runs on any computer with Xen. It needs a kernel made for it.',
        pvh: 'VT and PV devices, no firmware. It needs a kernel.',
        hvm: 'A whole PC: firmware, VGA, IDE, an emulated card.',
        kvm: 'A whole PC that finds KVM: firmware, VGA, IDE, devices of virtio.',
      } satisfies Record<Kind, string>,
      direct: ' Its kernel starts without the firmware.',
      addDisk: 'Add a disk',
      device: 'Device',
      target: (vdev: string) => `What ${vdev} is`,
      how: (vdev: string) => `Access of ${vdev}`,
      emptyDrive: 'empty',
      writable: 'writable',
      readOnly: 'read-only',
      cdrom: 'CD-ROM',
      floppy: 'floppy',
      removeDisk: (vdev: string) => `Remove ${vdev}`,
      noCard: 'none',
      pvCard: 'PV card on xenbr0',
    },
  },
  bootSectors: {
    ...strings.bootSectors,
    boot: (title: string) => `Boot ${title}`,
    bootAgain: (title: string) => `Boot ${title} again`,
    bootKey: 'Ctrl + Enter',
    choose: 'Boot sector',
    reset: 'Reset the source',
    edited: 'edited',
    assembling: 'is being assembled',
    used: (bytes: number) => `${bytes} of 510 bytes`,
    mistakes: (n: number) => `${count(n, 'mistake')}: nothing is booted`,
    listing: 'Address and bytes of each line',
    goTo: (line: number, column: number) => `${line}:${column}, go there`,
    screen: 'Screen',
    notBooted: 'Boot it by the button or by Ctrl + Enter. Its screen is shown here.',
    mend: 'Fix the source, then boot it.',
    unknown: (name: string) => `There is no boot sector ‘${name}’. Choose one in the first view.`,
  },
  draft: {
    ...strings.draft,
    from: (n: number) => `from ${count(n, 'dropped file')}`,
    fromNone: 'no files yet',
    judging: 'Reading the files …',
    leftOut: (names: readonly string[]) =>
      `${names.join(', ')} ${names.length === 1 ? 'is a text and was' : 'are texts and were'} left out. A lesson is dropped alone.`,
    discard: 'Discard',
    start: (name: string) => (name ? `Start ${name}` : 'Start'),
    restore: 'Restore it',
    restoring: 'Restoring …',
    changed: 'The guests here have changed since it was refused. Try again.',
    goToLine: (line: number) => `Go to line ${line}`,
    startsBlocked: (n: number) => `Start waits: ${count(n, 'error')} to fix.`,
    startsBlockedAt: 'Start waits for the lines that are marked as missing or as an error.',
    nothingCreated: (name: string) => `${name || 'The guest'} was not created.`,
    ready: 'Nothing is in the way.',
    position: 'Line:col',
    verdict: 'Verdict',
    happens: 'What happens',
    errors: 'What stops it',
    plan: 'What Start will do',
    asDefinition: 'The same as a definition',
    files: 'Dropped files',
    addFiles: 'Add files',
    staysHere: 'They stay in this browser.',
    remove: (name: string) => `Remove ${name}`,
    name: 'Name',
    type: 'Type',
    memory: 'Memory',
    vcpus: 'vCPUs',
    kernel: 'Kernel',
    ramdisk: 'RAM disk',
    cmdline: 'Command line',
    disks: 'Drives',
    network: 'Network card',
    none: '–',
    verdicts: {
      used: 'used',
      approximated: 'approximated',
      ignored: 'ignored',
      missing: 'missing',
      error: 'error',
    } as Record<string, string>,
    tally: (n: number, verdict: string) => (verdict === 'error' ? count(n, 'error') : `${n} ${verdict}`),
    steps: (s: {
      memoryMiB: number;
      vcpus: number;
      type: string;
      kernel?: string;
      ramdisk?: string;
      disks?: string[];
      writesFiles?: boolean;
    }) => [
      `The domain gets ${s.memoryMiB} MiB and ${count(s.vcpus, 'vCPU')}, as ${modeName(s.type)}.`,
      s.kernel
        ? `${s.kernel}${s.ramdisk ? ` and ${s.ramdisk} are` : ' is'} loaded and entered, without firmware.`
        : 'The BIOS starts, shows its screen and looks for something to boot.',
      ...(s.writesFiles
        ? [
            'Image files stay as they are. What it writes is kept by this browser for the next guest with the same file, and each disk can be downloaded.',
          ]
        : []),
      OPENS[s.type] ?? 'Its console opens here.',
    ],
  },
  unused: {
    by: (files: readonly string[], definition: string) =>
      `${definition} does not name ${files.join(', ')}, so nothing uses ${files.length === 1 ? 'it' : 'them'}.`,
    alone: (name: string) => `Make a guest of ${name}`,
    none: (name: string) => `${name} makes no guest by itself.`,
    replaced: (name: string) => `${name} replaces the one of this name that was here.`,
    keepBoth: 'Keep that one, too',
    others: (n: number) => (n === 1 ? 'Back to the other file' : `Back to the other ${n} files`),
  },
  several: {
    ...strings.several,
    choose: 'Chosen',
    take: (file: string) => `Take ${file}`,
    from: 'Files',
    define: (n: number) => `Define ${n}`,
    start: (n: number) => `Start ${n}`,
    stopped: (n: number, others: boolean) =>
      `${n === 1 ? 'One cannot' : `${n} cannot`} be started yet${others ? '; the others can' : ''}.`,
    busy: 'reading …',
    saved: 'saved domain',
    restored: 'It continues where it was saved.',
    isDone: 'done',
    lines: (name: string) => `${name}, line by line`,
    whyNot: (name: string) => `Why is ${name} not started?`,
    line: (line: number) => `line ${line}`,
    below: (line: number) => `Waits for line ${line}, below.`,
    same: 'same data as the text',
    takes: (memoryMiB: number, vcpus: number, type: string) =>
      `${memoryMiB} MiB, ${count(vcpus, 'vCPU')}, ${modeName(type)}`,
    each: 'Each:',
    ready: (n: number) => `${n} ready`,
    stands: (n: number) => `${n} held back`,
    asWritten: 'Every line is used as it is written.',
    open: 'Form and text',
    openNamed: (name: string) => `Form and text of ${name}`,
    started: (name: string, id: number) => `${name} runs as domain ${id}.`,
    defined: (name: string, path: string) => `${name} is kept as ${path}.`,
    unnamed: (files: string[]) => `${files.join(', ')}: none of them names ${files.length === 1 ? 'it' : 'these'}.`,
    fits: (n: number, memoryMiB: number, freeMiB: number) =>
      `The ${n === 1 ? 'one' : n} to start take${n === 1 ? 's' : ''} ${memoryMiB} of ${freeMiB} MiB that are free.`,
  },
  palette: {
    label: 'Search and commands',
    placeholder: 'A guest, what to do with it, or a lesson',
    lesson: 'Lesson',
    goTo: (name: string) => `Go to ${name}`,
    none: (typed: string) => `Nothing here is called ‘${typed}’.`,
  },
  desktop: {
    windows: 'Open windows',
    arrange: 'Arrangement of windows',
    modes: { tile: 'Tile', stack: 'Stack', one: 'One' },
    show: (title: string) => `Show ${title}`,
    hide: (title: string) => `Close ${title}`,
    none: 'All windows are closed; the guests keep running. ‘Open windows’ shows them again.',
    move: (title: string) => `Move ${title}: arrow keys; with Shift they size it`,
    moveHint: 'Drag, or arrow keys; with Shift they size it',
    size: 'Drag to size',
    enlarge: (title: string) => `Enlarge ${title}`,
    back: (title: string) => `Put ${title} back next to the others`,
    close: (title: string) => `Close the window ${title}; the guest keeps running`,
  },
  shell: {
    about: {
      xen: 'xl, xenstore-ls, lvs, text tools and pipes; help lists them',
      kvm: 'virsh, brctl, lvs, text tools and pipes; help lists them',
    },
    title: 'shell',
    kept: (where: string) => `shell, files and volumes in ${where}`,
    over: 'This shell has ended.',
    again: 'New shell',
  },
};

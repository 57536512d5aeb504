/** The texts around the registers of a vCPU. */

export const words = {
  nothing: 'The domain has no processor any more.',
  vcpu: (n: number) => `vCPU ${n}`,
  vcpus: 'vCPUs',
  registers: 'Registers',
  segments: 'Segments',
  code: 'Code',
  stack: 'Stack',
  control: 'Control and tables',
  columns: ['Register', 'Selector', 'Base', 'Limit', 'DPL', 'What it is'],
  descriptor: (name: string, at: string) => `Descriptor of ${name}, at ${at}`,
  noDescriptor: 'It has no descriptor: it was loaded in real mode, or it is null.',
  fromTable: 'What the table says now; the processor uses what it loaded, which the table of segments shows.',
  torn: 'Its turn began or ended during this look.',
  running:
    'It runs: registers are those of some instruction within the last slice. Pause the domain for those of one moment.',
  standing: 'The domain is paused: these are the registers of one moment.',
  choose: 'Choose a register.',
  flags: 'Flags',
  last: 'Last exits',
  stackHint: (bytes: number) => `${bytes} bytes a row`,
  noMemory: 'No memory is mapped there.',
  retired: 'instructions retired',
};

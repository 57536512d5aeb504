/** What Xen's hypercalls are for, by name (xen/include/public). */
export const xenCalls: Readonly<Record<string, string>> = {
  sched_op: 'The guest gives its processor up: it yields, blocks until an event, polls some ports, or shuts down.',
  event_channel_op:
    'The guest works with event channels: it sends an event, or binds a port. An event is a bit in a shared page and, if the other side sleeps, a wake-up.',
  grant_table_op: 'The guest maps or copies pages that another domain has granted, or sets up its own grant table.',
  memory_op:
    'The guest asks about its memory, gives pages back, or has some put into its map: what a balloon driver does.',
  mmu_update: 'A paravirtual guest may not write page tables that are in use. Xen checks each entry and writes it.',
  mmuext_op:
    'The guest loads CR3, pins a page table or flushes translations: what it did by instructions on a real machine.',
  update_va_mapping: 'The guest changes one page-table entry and flushes the translation in one call.',
  multicall: 'Several hypercalls in one: the way into Xen is paid for once.',
  set_timer_op: 'The guest asks for an event at a time: its one-shot timer.',
  vcpu_op: 'The guest starts or stops one of its vCPUs, or has Xen write its times into a page.',
  console_io: 'The guest writes to Xen’s own console.',
  xen_version:
    'The guest asks which Xen this is, and what it can do. Linux uses it, too, to have pending events delivered.',
  iret: 'A paravirtual kernel in ring 1 cannot return from an interrupt to ring 3 with all flags: Xen does it.',
  stack_switch:
    'The guest names the stack that its kernel is to have at the next interrupt: as a TSS does on a real machine.',
  hvm_op: 'A fully virtual guest reads or sets a parameter, or names the vector for events.',
  physdev_op: 'The guest asks for something of the physical machine, an interrupt for example.',
};

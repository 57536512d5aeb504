/* Threads of the kernel. Each has a stack of two pages with nothing below it; what is not running lies as an interrupt's frame on its stack. */
#include "pcos.h"

enum { MOST = 16, STACK_PAGES = 2, STACKS = 0xc0000000, STACK_ROOM = 4 * PAGE };
enum state { FREE, READY, WAITS, ENDED };
struct task {
  u32 frame, used_ticks, wake_at;
  volatile void *waits_for;
  enum state state;
  char name[12];
  u32 may_end;
};
static struct task tasks[MOST];
static int switch_now;
struct task *current;

static u32 id_of(const struct task *task) { return task - tasks; }
const char *task_name(void) { return current ? current->name : "kernel"; }
static u32 stack_of(u32 id) { return STACKS + id * STACK_ROOM; }
u32 task_stack(void) { return stack_of(id_of(current)) + STACK_ROOM; }

/* What has begun becomes task 0, which runs when nobody else does. */
void tasks_start(void) {
  current = &tasks[0];
  current->state = READY;
  format(current->name, sizeof current->name, "idle");
}

int task_new(const char *name, void (*run)(u32), u32 value) {
  u32 flags = lock(), id = 1;
  while (id < MOST && tasks[id].state != FREE) id++;
  if (id == MOST || free_frames < STACK_PAGES + 1) { unlock(flags); return -1; }
  struct task *task = &tasks[id];
  u32 top = stack_of(id) + STACK_ROOM;
  for (u32 i = 1; i <= STACK_PAGES; i++) map(top - i * PAGE, frame_take(), WRITABLE);
  u32 *stack = (u32 *)top;
  *--stack = value;
  *--stack = (u32)task_end; /* where `run` returns to */
  struct frame *frame = (struct frame *)stack - 1;
  fill(frame, 0, sizeof *frame);
  frame->eip = (u32)run;
  frame->cs = 8;
  frame->eflags = 0x202;
  fill(task, 0, sizeof *task);
  format(task->name, sizeof task->name, "%s", name);
  task->frame = (u32)frame;
  task->state = READY;
  /* What the system is made of is there before the shell, and stays. */
  task->may_end = id > 3;
  unlock(flags);
  return id;
}

static void yield(void) { __asm__ volatile("int $48" : : : "memory"); }

void task_end(void) {
  __asm__ volatile("cli");
  if (current == tasks) { print("The system has stopped.\n"); for (;;) __asm__ volatile("hlt"); }
  current->state = ENDED;
  yield();
  __builtin_unreachable();
}

int task_kill(u32 id) {
  u32 flags = lock();
  int found = id < MOST && tasks[id].may_end && (tasks[id].state == READY || tasks[id].state == WAITS);
  if (found) tasks[id].state = ENDED;
  unlock(flags);
  return found;
}

void wait_for(volatile void *what, u32 most_ticks) {
  current->waits_for = what;
  current->wake_at = most_ticks ? ticks + most_ticks : 0;
  current->state = WAITS;
  yield();
}
void wake(volatile void *what) {
  u32 flags = lock();
  for (struct task *task = tasks; task < tasks + MOST; task++)
    if (task->state == WAITS && task->waits_for == what) task->state = READY, switch_now = 1;
  unlock(flags);
}
void sleep(u32 how_many_ticks) {
  u32 flags = lock();
  wait_for(0, how_many_ticks);
  unlock(flags);
}

/* At the end of each interrupt, with interrupts off: whose frame is gone on with. A turn is a tick. */
u32 schedule(u32 frame) {
  static u32 seen;
  current->frame = frame;
  int tick = seen != ticks;
  if (tick) {
    seen = ticks;
    current->used_ticks++;
    for (struct task *task = tasks; task < tasks + MOST; task++)
      if (task->state == WAITS && task->wake_at && (int)(ticks - task->wake_at) >= 0) task->state = READY, task->waits_for = 0;
  }
  if (!tick && !switch_now && current->state == READY && current != tasks) return frame;
  switch_now = 0;
  u32 next = id_of(current);
  for (u32 i = 0; i < MOST; i++) {
    next = next + 1 < MOST ? next + 1 : 1;
    if (tasks[next].state == READY) break;
  }
  struct task *before = current;
  current = tasks[next].state == READY ? &tasks[next] : tasks;
  /* The frame lies on the stack of the one before: that goes at the next turn. */
  for (u32 id = 1; id < MOST; id++) {
    if (tasks[id].state != ENDED || &tasks[id] == before || &tasks[id] == current) continue;
    for (u32 i = 1; i <= STACK_PAGES; i++) frame_give(unmap(stack_of(id) + STACK_ROOM - i * PAGE));
    tasks[id].state = FREE;
  }
  return current->frame;
}

u32 task_count(void) {
  u32 count = 0;
  for (u32 id = 0; id < MOST; id++) count += tasks[id].state == READY || tasks[id].state == WAITS;
  return count;
}

void print_tasks(void) {
  print("  ID  NAME        STATE     TICKS\n");
  for (u32 id = 0; id < MOST; id++) {
    struct task *task = &tasks[id];
    if (task->state == READY || task->state == WAITS)
      print("  %2u  %-10s  %-7s %7u\n", id, task->name, task == current ? "runs" : task->state == READY ? "ready" : "waits", task->used_ticks);
  }
}

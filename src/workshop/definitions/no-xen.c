/*
 * xl without a hypervisor: what `xl -N create` asks of Xen and of xenstored before it prints what it has read. Source: the headers of libxenctrl and libxenstore
 * of Xen 4.17 (xenctrl.h, xenstore.h, public/sysctl.h: struct xen_sysctl_physinfo). Loaded by LD_PRELOAD.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Capabilities of struct xen_sysctl_physinfo: HVM, PV, directio, HAP, shadow. */
#define HVM (1u << 0)
#define PV (1u << 1)
#define HAP (1u << 3)
#define SHADOW (1u << 4)

static char handle[4096];

void *xc_interface_open(void *logger, void *dombuild_logger, unsigned flags)
{
    (void)logger, (void)dombuild_logger, (void)flags;
    return handle;
}

int xc_interface_close(void *xch)
{
    (void)xch;
    return 0;
}

struct physinfo {
    uint32_t threads_per_core, cores_per_socket, nr_cpus, max_cpu_id, nr_nodes, max_node_id, cpu_khz, capabilities, arch_capabilities, pad;
    uint64_t total_pages, free_pages, scrub_pages, outstanding_pages, max_mfn;
    uint32_t hw_cap[8];
};

int xc_physinfo(void *xch, struct physinfo *info)
{
    (void)xch;
    memset(info, 0, sizeof *info);
    info->threads_per_core = info->cores_per_socket = 1;
    info->nr_cpus = 4;
    info->max_cpu_id = 3;
    info->nr_nodes = 1;
    info->cpu_khz = 1000000;
    info->capabilities = HVM | PV | HAP | SHADOW;
    info->total_pages = info->free_pages = info->max_mfn = 1 << 20;
    return 0;
}

int xc_get_max_cpus(void *xch)
{
    (void)xch;
    return 4;
}

int xc_get_max_nodes(void *xch)
{
    (void)xch;
    return 1;
}

long xc_sharing_freed_pages(void *xch)
{
    (void)xch;
    return 0;
}

long xc_sharing_used_frames(void *xch)
{
    (void)xch;
    return 0;
}

int xc_version(void *xch, int command, void *argument)
{
    (void)xch, (void)argument;
    /* XENVER_version: 4.17. */
    return command == 0 ? (4 << 16) | 17 : 0;
}

int xc_sched_id(void *xch, int *id)
{
    (void)xch;
    *id = 5;
    return 0;
}

void *xs_open(unsigned long flags)
{
    (void)flags;
    return handle;
}

void xs_close(void *xsh)
{
    (void)xsh;
}

void *xs_read(void *xsh, uint32_t transaction, const char *path, unsigned *length)
{
    (void)xsh, (void)transaction, (void)path, (void)length;
    errno = ENOENT;
    return NULL;
}

char **xs_directory(void *xsh, uint32_t transaction, const char *path, unsigned *count)
{
    (void)xsh, (void)transaction, (void)path, (void)count;
    errno = ENOENT;
    return NULL;
}

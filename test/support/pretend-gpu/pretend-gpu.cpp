// A pretend GPU: a ggml backend, loaded through GGML_BACKEND_PATH, whose devices have as much memory as we say.
// Memory is host memory, computing is handed to the CPU backend, so a machine without a GPU plans, loads,
// offloads, evicts and runs out of memory with the real llama.cpp. Allocation behaves like ggml-cuda's.
// Not modelled: CUDA's pools and workspaces, and operations that a real GPU refuses.
//
//   PRETEND_GPU_MIB=16160[,8192...]     memory of each device
//   PRETEND_GPU_OVERHEAD_MIB=0          what every process takes of each device by using it, as a CUDA context does
//   PRETEND_GPU_FRAGMENTED_MIB=0        reported as free, but not to be had
//   PRETEND_GPU_NAME=CUDA               prefix of the devices' names
//   PRETEND_GPU_DESCRIPTION=...         what the devices call themselves
//   PRETEND_GPU_OFFLOAD_MIN_BATCH=32    from how many tokens on weights in host memory are computed here
//   PRETEND_GPU_THREADS=1               CPU threads of one context; more than there are cores is very slow
//   PRETEND_GPU_LEDGER=FILE             processes with the same file share the devices' memory
//   CUDA_VISIBLE_DEVICES or GGML_VK_VISIBLE_DEVICES=0[,1...]   which devices exist, in which order; all when unset.
//                                       The second needs preload.cpp.
#include "ggml-backend-impl.h"
#include "ggml-backend.h"
#include "ggml.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <mutex>
#include <string>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

namespace {

constexpr double MIB = 1024 * 1024;
constexpr int MAX_DEVICES = 16;
constexpr int MAX_PROCESSES = 256;

const char *setting(const char *name, const char *otherwise) {
    const char *value = getenv(name);
    return value ? value : otherwise;
}

size_t mebibytes(const std::string &text) { return (size_t) atoll(text.c_str()) << 20; }

std::vector<std::string> split(const std::string &list) {
    std::vector<std::string> parts;
    for (size_t start = 0; !list.empty() && start != std::string::npos;) {
        const size_t comma = list.find(',', start);
        parts.push_back(list.substr(start, comma - start));
        start = comma == std::string::npos ? comma : comma + 1;
    }
    return parts;
}

// ---- Memory in use, per process and device. Everything happens under a lock that dies with its holder.

struct Process {
    pid_t pid;
    size_t used[MAX_DEVICES];
};

/// Also false for a zombie: it has no memory, and its parent may take long to notice.
bool is_alive(pid_t pid) {
    if (kill(pid, 0) != 0 && errno == ESRCH) return false;
    FILE *file = fopen(("/proc/" + std::to_string(pid) + "/stat").c_str(), "r");
    if (!file) return false;
    char line[512] = "";
    const bool is_read = fgets(line, sizeof line, file) != nullptr;
    fclose(file);
    const char *name_end = is_read ? strrchr(line, ')') : nullptr;
    return name_end && name_end[1] == ' ' && name_end[2] != 'Z' && name_end[2] != 'X';
}

class Ledger {
  public:
    Ledger() {
        const char *path = getenv("PRETEND_GPU_LEDGER");
        if (path && *path) {
            file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
            if (file < 0) fail(path);
        }
        Lock lock(*this);
        constexpr size_t size = MAX_PROCESSES * sizeof(Process);
        // Grows with zeros, and leaves a file of this size as it is.
        if (file >= 0 && ftruncate(file, size) != 0) fail(path);
        void *memory = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                            file >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, file, 0);
        if (memory == MAP_FAILED) fail(path);
        processes = (Process *) memory;
        own = std::find_if(processes, processes + MAX_PROCESSES, [](const Process &process) {
            return process.pid == 0 || process.pid == getpid() || !is_alive(process.pid);
        });
        if (own == processes + MAX_PROCESSES) fail(path);
        *own = Process{getpid(), {}};
    }

    size_t used(int device) {
        Lock lock(*this);
        return sum(device);
    }

    /// False, and nothing taken, when less than this is free.
    bool take(int device, size_t bytes, size_t total) {
        Lock lock(*this);
        if (sum(device) + bytes > total) return false;
        own->used[device] += bytes;
        return true;
    }

    /// Takes even what is not there: a context's overhead does not ask.
    void force(int device, size_t bytes) {
        Lock lock(*this);
        own->used[device] += bytes;
    }

    void give_back(int device, size_t bytes) {
        Lock lock(*this);
        own->used[device] -= bytes;
    }

  private:
    struct Lock {
        explicit Lock(Ledger &ledger) : file(ledger.file), guard(ledger.mutex) {
            while (file >= 0 && flock(file, LOCK_EX) != 0 && errno == EINTR) {}
        }
        ~Lock() {
            if (file >= 0) flock(file, LOCK_UN);
        }
        int file;
        std::lock_guard<std::mutex> guard;
    };

    size_t sum(int device) const {
        size_t bytes = 0;
        for (const Process *process = processes; process < processes + MAX_PROCESSES; process++)
            if (process->used[device] > 0 && (process == own || is_alive(process->pid))) bytes += process->used[device];
        return bytes;
    }

    [[noreturn]] static void fail(const char *path) {
        fprintf(stderr, "pretend-gpu: cannot use the ledger %s: %s\n", path ? path : "(own)", strerror(errno));
        abort();
    }

    int file = -1;
    std::mutex mutex;
    Process *processes = nullptr;
    Process *own = nullptr;
};

Ledger &ledger() {
    // Never destroyed: llama.cpp frees buffers while the process ends.
    static Ledger *const only = new Ledger();
    return *only;
}

// ---- Devices

struct Device {
    /// Among all devices, visible or not; the ledger's index.
    int index;
    std::string name;
    std::string description;
    size_t total;
    /// Can be had; less than is reported where memory is fragmented.
    size_t usable;
    ggml_backend_buffer_type buffer_type;
};

ggml_backend_reg registry;
std::vector<ggml_backend_device *> devices;

Device &of(ggml_backend_dev_t device) { return *(Device *) device->context; }

// ---- Buffers

struct Memory {
    Device *device;
    void *address;
    size_t mapped;
};

Memory &of(ggml_backend_buffer_t buffer) { return *(Memory *) buffer->context; }

void buffer_free(ggml_backend_buffer_t buffer) {
    Memory &memory = of(buffer);
    munmap(memory.address, memory.mapped);
    ledger().give_back(memory.device->index, buffer->size);
    delete &memory;
}

void *buffer_base(ggml_backend_buffer_t buffer) { return of(buffer).address; }

void buffer_memset(ggml_backend_buffer_t, ggml_tensor *tensor, uint8_t value, size_t offset, size_t size) {
    memset((char *) tensor->data + offset, value, size);
}

void buffer_set(ggml_backend_buffer_t, ggml_tensor *tensor, const void *data, size_t offset, size_t size) {
    memcpy((char *) tensor->data + offset, data, size);
}

void buffer_get(ggml_backend_buffer_t, const ggml_tensor *tensor, void *data, size_t offset, size_t size) {
    memcpy(data, (const char *) tensor->data + offset, size);
}

void buffer_clear(ggml_backend_buffer_t buffer, uint8_t value) {
    Memory &memory = of(buffer);
    // Untouched pages cost no host memory.
    if (value == 0) madvise(memory.address, memory.mapped, MADV_DONTNEED);
    else memset(memory.address, value, buffer->size);
}

const ggml_backend_buffer_i buffer_interface = {
    buffer_free, buffer_base, nullptr, buffer_memset, buffer_set,   buffer_get,
    nullptr,     nullptr,     nullptr, buffer_clear,  nullptr,
};

const char *buffer_type_name(ggml_backend_buffer_type_t type) { return ((Device *) type->context)->name.c_str(); }

ggml_backend_buffer_t buffer_type_allocate(ggml_backend_buffer_type_t type, size_t size) {
    Device &device = *(Device *) type->context;
    if (!ledger().take(device.index, size, device.usable)) {
        fprintf(stderr, "pretend-gpu: %s is out of memory: %.1f MiB wanted, %.1f of %.1f MiB in use\n",
                device.name.c_str(), size / MIB, ledger().used(device.index) / MIB, device.total / MIB);
        return nullptr;
    }
    const size_t mapped = std::max<size_t>(size, 1);
    void *address =
        mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (address == MAP_FAILED) {
        ledger().give_back(device.index, size);
        return nullptr;
    }
    return ggml_backend_buffer_init(type, buffer_interface, new Memory{&device, address, mapped}, size);
}

size_t buffer_type_alignment(ggml_backend_buffer_type_t) { return 128; }

/// ggml-cuda pads rows of quantized tensors to 512 numbers.
size_t buffer_type_tensor_size(ggml_backend_buffer_type_t, const ggml_tensor *tensor) {
    const int64_t rest = tensor->ne[0] % 512;
    const bool is_padded = ggml_is_quantized(tensor->type) && rest != 0;
    return ggml_nbytes(tensor) + (is_padded ? ggml_row_size(tensor->type, 512 - rest) : 0);
}

bool buffer_type_is_host(ggml_backend_buffer_type_t) { return false; }

const char *host_buffer_name(ggml_backend_buffer_type_t) { return "CUDA_Host"; }

ggml_backend_buffer_t host_buffer_allocate(ggml_backend_buffer_type_t type, size_t size) {
    ggml_backend_buffer_t buffer = ggml_backend_buft_alloc_buffer(ggml_backend_cpu_buffer_type(), size);
    if (buffer) buffer->buft = type;
    return buffer;
}

// ---- Computing: the CPU backend does it

struct Context {
    ggml_backend_t cpu;
};

Context &of(ggml_backend_t backend) { return *(Context *) backend->context; }

/// Path of the libggml that loaded us; its name depends on the prebuilt.
int find_ggml(dl_phdr_info *info, size_t, void *found) {
    const char *slash = info->dlpi_name ? strrchr(info->dlpi_name, '/') : nullptr;
    if (!slash || strncmp(slash + 1, "libggml.", 8) != 0) return 0;
    *(std::string *) found = info->dlpi_name;
    return 1;
}

std::string ggml_path() {
    std::string path;
    dl_iterate_phdr(find_ggml, &path);
    return path;
}

ggml_backend_t open_cpu() {
    const std::string path = ggml_path();
    void *library = path.empty() ? nullptr : dlopen(path.c_str(), RTLD_NOW | RTLD_NOLOAD);
    void *symbol = library ? dlsym(library, "ggml_backend_init_by_type") : nullptr;
    if (!symbol) return nullptr;
    ggml_backend_t cpu =
        ((decltype(&ggml_backend_init_by_type)) symbol)(GGML_BACKEND_DEVICE_TYPE_CPU, nullptr);
    if (!cpu) return nullptr;
    // llama.cpp sets the threads of its own CPU backend only; this one would have ggml's 4, which spin.
    ggml_backend_reg_t cpu_registry = ggml_backend_dev_backend_reg(ggml_backend_get_device(cpu));
    auto set_threads = (ggml_backend_set_n_threads_t) ggml_backend_reg_get_proc_address(cpu_registry,
                                                                                      "ggml_backend_set_n_threads");
    if (set_threads) set_threads(cpu, std::max(1, atoi(setting("PRETEND_GPU_THREADS", "1"))));
    return cpu;
}

const char *backend_name(ggml_backend_t backend) { return of(backend->device).name.c_str(); }

void backend_free(ggml_backend_t backend) {
    Context *context = &of(backend);
    if (context->cpu) ggml_backend_free(context->cpu);
    delete context;
    delete backend;
}

ggml_status backend_compute(ggml_backend_t backend, ggml_cgraph *graph) {
    Context &context = of(backend);
    if (!context.cpu) context.cpu = open_cpu();
    if (context.cpu) return ggml_backend_graph_compute(context.cpu, graph);
    fprintf(stderr, "pretend-gpu: there is no CPU backend to compute with\n");
    return GGML_STATUS_FAILED;
}

// Computing is synchronous, so there is never anything to wait for.
void backend_synchronize(ggml_backend_t) {}
void backend_event(ggml_backend_t, ggml_backend_event_t) {}

ggml_guid guid = {0xfa, 0x4e, 0x67, 0x70, 0x75, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};

// ---- The device interface

const char *device_name(ggml_backend_dev_t device) { return of(device).name.c_str(); }

const char *device_description(ggml_backend_dev_t device) { return of(device).description.c_str(); }

void device_memory(ggml_backend_dev_t device, size_t *free, size_t *total) {
    *total = of(device).total;
    *free = *total - std::min(*total, ledger().used(of(device).index));
}

enum ggml_backend_dev_type device_type(ggml_backend_dev_t) { return GGML_BACKEND_DEVICE_TYPE_GPU; }

void device_properties(ggml_backend_dev_t device, ggml_backend_dev_props *properties) {
    *properties = {};
    properties->name = device_name(device);
    properties->description = device_description(device);
    properties->type = device_type(device);
    device_memory(device, &properties->memory_free, &properties->memory_total);
    properties->caps.async = true;
    properties->caps.host_buffer = true;
    properties->caps.events = true;
    properties->caps.mmap_support = true;
}

ggml_backend_t device_open(ggml_backend_dev_t device, const char *) {
    auto *backend = new ggml_backend();
    backend->guid = &guid;
    backend->device = device;
    backend->context = new Context{nullptr};
    backend->iface.get_name = backend_name;
    backend->iface.free = backend_free;
    backend->iface.synchronize = backend_synchronize;
    backend->iface.graph_compute = backend_compute;
    backend->iface.event_record = backend_event;
    backend->iface.event_wait = backend_event;
    return backend;
}

ggml_backend_buffer_type_t device_buffer_type(ggml_backend_dev_t device) { return &of(device).buffer_type; }

/// Host memory by another name, as CUDA's pinned buffers are.
ggml_backend_buffer_type_t device_host_buffer_type(ggml_backend_dev_t) {
    static ggml_backend_buffer_type pinned = [] {
        ggml_backend_buffer_type type = *ggml_backend_cpu_buffer_type();
        type.iface.get_name = host_buffer_name;
        type.iface.alloc_buffer = host_buffer_allocate;
        type.device = devices[0];
        return type;
    }();
    return &pinned;
}

bool device_supports(ggml_backend_dev_t, const ggml_tensor *) { return true; }

bool device_supports_buffer(ggml_backend_dev_t device, ggml_backend_buffer_type_t type) {
    return type->iface.get_name == buffer_type_name && type->device == device;
}

/// Tokens an operation works on, as ggml-cuda counts them.
int64_t batch_of(const ggml_tensor *operation) {
    switch (operation->op) {
    case GGML_OP_GET_ROWS: return 0;
    case GGML_OP_MUL_MAT: return operation->ne[1];
    case GGML_OP_MUL_MAT_ID:
    case GGML_OP_ROPE:
    case GGML_OP_ROPE_BACK: return operation->ne[2];
    default: return ggml_nrows(operation);
    }
}

bool device_offloads(ggml_backend_dev_t, const ggml_tensor *operation) {
    static const int min_batch = atoi(setting("PRETEND_GPU_OFFLOAD_MIN_BATCH", "32"));
    return batch_of(operation) >= min_batch;
}

ggml_backend_event_t event_new(ggml_backend_dev_t device) { return new ggml_backend_event{device, nullptr}; }
void event_free(ggml_backend_dev_t, ggml_backend_event_t event) { delete event; }
void event_synchronize(ggml_backend_dev_t, ggml_backend_event_t) {}

const ggml_backend_device_i device_interface = {
    device_name,        device_description, device_memory,           device_type, device_properties,
    device_open,        device_buffer_type, device_host_buffer_type, nullptr,     device_supports,
    device_supports_buffer, device_offloads, event_new,              event_free,  event_synchronize,
};

// ---- The registry

const char *registry_name(ggml_backend_reg_t) { return "PretendGPU"; }
size_t registry_count(ggml_backend_reg_t) { return devices.size(); }
ggml_backend_dev_t registry_device(ggml_backend_reg_t, size_t index) { return devices[index]; }
void *registry_symbol(ggml_backend_reg_t, const char *) { return nullptr; }

/// Indices of the devices that exist. As with CUDA, the first index that is none ends the list.
std::vector<int> visible(int count) {
    std::vector<int> indices;
    const char *list = nullptr;
    for (const char *name : {"GGML_VK_VISIBLE_DEVICES", "PRETEND_GPU_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES"})
        list = setting(name, list);
    if (!list) {
        for (int index = 0; index < count; index++) indices.push_back(index);
        return indices;
    }
    for (const std::string &part : split(list)) {
        char *end = nullptr;
        const long index = strtol(part.c_str(), &end, 10);
        if (end == part.c_str() || index < 0 || index >= count) break;
        indices.push_back((int) index);
    }
    return indices;
}

void add_device(int index, size_t total) {
    auto *context = new Device();
    context->index = index;
    context->name = setting("PRETEND_GPU_NAME", "CUDA") + std::to_string(devices.size());
    context->description = setting("PRETEND_GPU_DESCRIPTION", "Pretend GPU");
    context->total = total;
    context->usable = total - std::min(total, mebibytes(setting("PRETEND_GPU_FRAGMENTED_MIB", "0")));
    auto *device = new ggml_backend_device{device_interface, &registry, context};
    context->buffer_type.iface = {
        buffer_type_name, buffer_type_allocate,    buffer_type_alignment,
        nullptr,          buffer_type_tensor_size, buffer_type_is_host,
    };
    context->buffer_type.device = device;
    context->buffer_type.context = context;
    devices.push_back(device);
    ledger().force(index, mebibytes(setting("PRETEND_GPU_OVERHEAD_MIB", "0")));
}

} // namespace

extern "C" __attribute__((visibility("default"))) ggml_backend_reg_t ggml_backend_init(void) {
    if (registry.api_version) return &registry;
    registry = {GGML_BACKEND_API_VERSION, {registry_name, registry_count, registry_device, registry_symbol}, nullptr};
    // The CPU prebuilt, libggml.v….so, would not see a real GPU either.
    const std::string path = ggml_path();
    if (path.find("libggml.vulkan.") == std::string::npos && path.find("libggml.cuda.") == std::string::npos)
        return &registry;
    const auto sizes = split(setting("PRETEND_GPU_MIB", "16160"));
    for (const int index : visible(std::min<int>(sizes.size(), MAX_DEVICES))) add_device(index, mebibytes(sizes[index]));
    return &registry;
}

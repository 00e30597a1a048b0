// Preloaded beside the pretend GPU: takes GGML_VK_VISIBLE_DEVICES out of ggml-vulkan's sight and hands it to ours.
// ggml-vulkan refuses to load when an index is no real device, and without it node-llama-cpp refuses its prebuilt.
#include <cstdlib>

__attribute__((constructor)) static void rename_visible_devices() {
    const char *list = getenv("GGML_VK_VISIBLE_DEVICES");
    if (!list) return;
    setenv("PRETEND_GPU_VISIBLE_DEVICES", list, 1);
    unsetenv("GGML_VK_VISIBLE_DEVICES");
}

import { registerEnumType } from 'type-graphql';

export enum DeviceKind {
  CUDA = 'CUDA',
  METAL = 'METAL',
  VULKAN = 'VULKAN',
  CPU = 'CPU',
  WEBGPU = 'WEBGPU',
  REMOTE = 'REMOTE',
}
registerEnumType(DeviceKind, {
  name: 'DeviceKind',
  description: 'What computes, and through which interface.',
});

import type { ResultOf } from 'gql.tada';
import { graphql } from '../api/graphql.ts';

export const DEVICES = graphql(`
  query Devices {
    backends {
      id
      available
      unavailableReason
      version
      devices {
        id
        name
        kind
        memoryTotalBytes
        memoryFreeBytes
        memorySource
        memoryBandwidth
        resident {
          id
          busySlots
          slots
          isPinned
          measuredBytes
          verifiedBytes
          variant {
            id
            quantization
            model {
              id
            }
          }
          plan {
            contextSize
            gpuLayers
            kvCacheType
            memory {
              deviceTotalBytes
            }
          }
        }
      }
    }
    models {
      id
      name
      variants {
        id
        quantization
      }
    }
  }
`);

export const LOAD = graphql(`
  mutation Load(
    $model: ID!
    $quantization: String
    $device: ID
    $pinned: Boolean!
    $contextSize: Int
    $slots: Int
    $gpuLayers: Int
    $kvCacheType: KvCacheType
  ) {
    loadModel(
      model: $model
      quantization: $quantization
      device: $device
      pinned: $pinned
      contextSize: $contextSize
      slots: $slots
      gpuLayers: $gpuLayers
      kvCacheType: $kvCacheType
    ) {
      id
      variant {
        id
      }
    }
  }
`);

export const UNLOAD = graphql(`
  mutation Unload($id: ID!) {
    unloadModel(id: $id)
  }
`);

export type DevicesData = ResultOf<typeof DEVICES>;
export type BackendView = DevicesData['backends'][number];
export type DeviceView = BackendView['devices'][number];
export type ResidentView = DeviceView['resident'][number];

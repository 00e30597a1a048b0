import type { ResultOf } from 'gql.tada';
import { graphql } from '../api/graphql.ts';

export const BACKENDS = graphql(`
  query Backends {
    backends {
      id
      available
      unavailableReason
      version
    }
  }
`);

export const DEVICES = graphql(`
  subscription Devices {
    deviceStatus {
      id
      name
      kind
      memoryTotalBytes
      memoryFreeBytes
      memorySource
      memoryBandwidth
      backend {
        id
      }
      lender {
        name
        runtimeVersion
        awayUntil
      }
      resident {
        id
        busySlots
        slots
        isPinned
        measuredBytes
        verifiedBytes
        variant {
          id
        }
        plan {
          contextSize
          gpuLayers
          totalLayers
          kvCacheType
          memory {
            deviceTotalBytes
          }
        }
      }
      crashLoops {
        crashes
        reason
        retryAt
        variant {
          id
        }
      }
      waiting {
        id
        position
        priority
        wantsSlot
        variant {
          id
        }
        generation {
          id
        }
      }
    }
  }
`);

export const LOADABLE = graphql(`
  subscription Loadable {
    modelStatus {
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

export const PIN = graphql(`
  mutation Pin($id: ID!, $pinned: Boolean!) {
    pinModel(id: $id, pinned: $pinned) {
      id
    }
  }
`);

export const UNLOAD = graphql(`
  mutation Unload($id: ID!) {
    unloadModel(id: $id)
  }
`);

export type BackendView = ResultOf<typeof BACKENDS>['backends'][number];
export type DeviceView = ResultOf<typeof DEVICES>['deviceStatus'][number];
export type ResidentView = DeviceView['resident'][number];
export type WaitingView = DeviceView['waiting'][number];
export type CrashLoopView = DeviceView['crashLoops'][number];
export type LoadableView = ResultOf<typeof LOADABLE>['modelStatus'][number];

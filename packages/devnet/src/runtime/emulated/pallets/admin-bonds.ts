import type { Variant } from '../../../scale/codec.ts';
import { type CallDescription, type Context, ModuleError, type Origin } from '../pallet.ts';
import { ensureAdminWindowOpen, ensureOwnerOrRoot } from './subtensor/epoch-schedule.ts';
import { ensure } from './subtensor/errors.ts';
import { subnetExists } from './subtensor/neurons.ts';
import { subtensor as s } from './subtensor/storage.ts';

/** Smallest bound of liquid alpha, of 65535: one fortieth. */
const MIN_ALPHA = 1638;

function ensureMaySet(context: Context, origin: Origin, netuid: number): void {
  ensureOwnerOrRoot(context.state, origin, netuid);
  ensureAdminWindowOpen(context, netuid);
}

interface SubnetArgs {
  netuid: number;
}

/** Settings of bonds and of owners' emission: each has its own checks and events, so no table holds them. */
export const adminBondCalls: Readonly<Record<string, CallDescription>> = {
  sudo_set_alpha_values: {
    index: 51,
    args: { netuid: 'u16', alpha_low: 'u16', alpha_high: 'u16' },
    dispatch: (context, origin, args: SubnetArgs & { alpha_low: number; alpha_high: number }) => {
      const { netuid, alpha_low: low, alpha_high: high } = args;
      ensureMaySet(context, origin, netuid);
      ensure(s.LiquidAlphaOn.get(context.state, netuid), 'LiquidAlphaDisabled');
      ensure(high >= MIN_ALPHA, 'AlphaHighTooLow');
      ensure(low >= MIN_ALPHA && low <= high, 'AlphaLowOutOfRange');
      s.AlphaValues.put(context.state, netuid, [low, high]);
    },
  },
  sudo_set_alpha_sigmoid_steepness: {
    index: 68,
    args: { netuid: 'u16', steepness: 'i16' },
    dispatch: (context, origin, { netuid, steepness }: SubnetArgs & { steepness: number }) => {
      ensureMaySet(context, origin, netuid);
      if (!subnetExists(context.state, netuid)) throw new ModuleError('AdminUtils', 'SubnetDoesNotExist');
      if (origin.kind !== 'root' && steepness < 0) throw new ModuleError('AdminUtils', 'NegativeSigmoidSteepness');
      s.AlphaSigmoidSteepness.put(context.state, netuid, steepness);
    },
  },
  sudo_set_yuma3_enabled: {
    index: 69,
    args: { netuid: 'u16', enabled: 'bool' },
    dispatch: (context, origin, { netuid, enabled }: SubnetArgs & { enabled: boolean }) => {
      ensureMaySet(context, origin, netuid);
      s.Yuma3On.put(context.state, netuid, enabled);
      context.deposit('AdminUtils', 'Yuma3EnableToggled', { netuid, enabled });
    },
  },
  sudo_set_bonds_reset_enabled: {
    index: 70,
    args: { netuid: 'u16', enabled: 'bool' },
    dispatch: (context, origin, { netuid, enabled }: SubnetArgs & { enabled: boolean }) => {
      ensureMaySet(context, origin, netuid);
      s.BondsResetOn.put(context.state, netuid, enabled);
      context.deposit('SubtensorModule', 'BondsResetOnSet', [netuid, enabled]);
      context.deposit('AdminUtils', 'BondsResetToggled', { netuid, enabled });
    },
  },
  sudo_set_recycle_or_burn: {
    index: 80,
    args: { netuid: 'u16', recycle_or_burn: 'RecycleOrBurnEnum' },
    dispatch: (context, origin, args: SubnetArgs & { recycle_or_burn: Variant }) => {
      ensureMaySet(context, origin, args.netuid);
      s.RecycleOrBurn.put(context.state, args.netuid, args.recycle_or_burn);
    },
  },
};

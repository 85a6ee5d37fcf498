/* SPDX-License-Identifier: Apache-2.0 */
#include "core/method/compat.h"

/*
 * What is taken, and at which values, was decided parameter by parameter: what SPDK's own client
 * sends unasked and what SPDK saves of an untouched configuration must pass; what only tunes a part
 * that ebb does not have may have any value; what asks for something that ebb does not do is
 * refused at each value that would do it. A parameter of ebb's own methods that is in neither table
 * is an error, as a mistyped one is.
 */

#define ANY(param, kind)                                  \
	{                                                 \
		.name = (param), .type = json_type_##kind \
	}
#define NEEDED(param, kind)                                               \
	{                                                                 \
		.name = (param), .type = json_type_##kind, .needed = true \
	}
#define OFF(param, kind, reason)                                                      \
	{                                                                             \
		.name = (param), .type = json_type_##kind, .rule = METHOD_COMPAT_OFF, \
		.why = (reason)                                                       \
	}
#define SAME(param, as, reason)                                                                    \
	{                                                                                          \
		.name = (param), .type = json_type_int, .rule = METHOD_COMPAT_SAME, .other = (as), \
		.why = (reason)                                                                    \
	}
#define WORD(param, words, reason)                                                     \
	{                                                                              \
		.name = (param), .type = json_type_string, .rule = METHOD_COMPAT_WORD, \
		.other = (words), .why = (reason)                                      \
	}
#define MEMBERS(param, names)                                                             \
	{                                                                                 \
		.name = (param), .type = json_type_object, .rule = METHOD_COMPAT_MEMBERS, \
		.other = (names), .why = "knows no other member of it"                    \
	}

#define STARTUP EBB_METHOD_STARTUP
#define RUNTIME EBB_METHOD_RUNTIME

#define METADATA "has no metadata beside blocks"
#define PI       "has no protection information"
#define ONE_WAY  "has one way to a controller"

static const struct method_compat_param blocks[] = {
	SAME("physical_block_size", "block_size", "has no physical block size of its own"),
	OFF("md_size", int, METADATA),
	OFF("dif_type", int, PI),
	OFF("dif_is_head_of_md", boolean, PI),
	OFF("dif_pi_format", int, PI),
	{.name = "numa_id",
	 .type = json_type_int,
	 .rule = METHOD_COMPAT_NEGATIVE,
	 .why = "does not choose a NUMA node"},
};

#define ADVERTISE "advertises no sizes of its own"

static const struct method_compat_param null_create[] = {
	OFF("preferred_write_granularity", int, ADVERTISE),
	OFF("preferred_write_alignment", int, ADVERTISE),
	OFF("optimal_write_size", int, ADVERTISE),
	OFF("preferred_unmap_granularity", int, ADVERTISE),
	OFF("preferred_unmap_alignment", int, ADVERTISE),
};

static const struct method_compat_param malloc_create[] = {
	OFF("md_interleave", boolean, METADATA),
};

static const struct method_compat_param aio_create[] = {
	ANY("nowait", boolean), /* io_uring never lets the caller wait */
};

static const struct method_compat_param bdev_set_options[] = {
	ANY("bdev_io_cache_size", int), /* the pool is the channel's: there is nothing to cache */
	ANY("bdev_auto_examine", boolean),
	ANY("iobuf_small_cache_size", int),
	ANY("iobuf_large_cache_size", int),
};

/* Of a connection over a network, which a local controller has not. */
#define FABRICS(kind_of_name) ANY(kind_of_name, string)
#define RECONNECT             "does not connect to a lost controller anew"

static const struct method_compat_param nvme_attach[] = {
	FABRICS("adrfam"), FABRICS("trsvcid"), FABRICS("priority"), FABRICS("subnqn"),
	FABRICS("hostnqn"), FABRICS("hostaddr"), FABRICS("hostsvcid"),
	ANY("fabrics_connect_timeout_us", int), ANY("disable_sq_flow_control", boolean),
	OFF("hdgst", boolean, "uses no digests"), OFF("ddgst", boolean, "uses no digests"),
	OFF("psk", string, "uses no keys"), OFF("dhchap_key", string, "does not authenticate"),
	OFF("dhchap_ctrlr_key", string, "does not authenticate"),
	OFF("prchk_reftag", boolean, "does not check protection information"),
	OFF("prchk_guard", boolean, "does not check protection information"),
	/* They are about a second path, which is refused. */
	WORD("multipath", "multipath failover disable", ONE_WAY),
	MEMBERS("multipath_opts", "policy selector min_io"),
	OFF("ctrlr_loss_timeout_sec", int, RECONNECT), OFF("reconnect_delay_sec", int, RECONNECT),
	OFF("fast_io_fail_timeout_sec", int, RECONNECT),
	OFF("allow_unrecognized_csi", boolean, "uses only the NVM command set"),
	ANY("max_bdevs", int), /* as many as there are */
};

static const struct method_compat_param nvme_detach[] = {
	FABRICS("adrfam"),   FABRICS("trsvcid"),   FABRICS("subnqn"),
	FABRICS("hostaddr"), FABRICS("hostsvcid"),
};

#define ARBITRATION "leaves a controller's arbitration as it is"

static const struct method_compat_param nvme_set_options[] = {
	WORD("action_on_timeout", "none",
	     "aborts a command that is late, then resets the controller"),
	SAME("timeout_admin_us", "timeout_us", "has one timeout for all commands"),
	ANY("keep_alive_timeout_ms", int),
	OFF("arbitration_burst", int, ARBITRATION),
	OFF("low_priority_weight", int, ARBITRATION),
	OFF("medium_priority_weight", int, ARBITRATION),
	OFF("high_priority_weight", int, ARBITRATION),
	ANY("nvme_adminq_poll_period_us", int), /* it is told of events, and polls for none */
	OFF("nvme_ioq_poll_period_us", int, "polls queues each turn, or sleeps (reactor_set_mode)"),
	ANY("io_queue_requests", int),
	ANY("delay_cmd_submit", boolean), /* one doorbell a turn */
	ANY("transport_ack_timeout", int),
	ANY("transport_tos", int),
	OFF("ctrlr_loss_timeout_sec", int, RECONNECT),
	OFF("reconnect_delay_sec", int, RECONNECT),
	OFF("fast_io_fail_timeout_sec", int, RECONNECT),
	ANY("disable_auto_failback", boolean),
	OFF("generate_uuids", boolean, "makes up no UUIDs that stay the same"),
	OFF("nvme_error_stat", boolean, "does not count errors by their status"),
	OFF("io_path_stat", boolean, "counts by bdev (bdev_get_iostat), not by path"),
	ANY("allow_accel_sequence", boolean),
	ANY("enable_flush",
	    boolean), /* a volatile cache is always flushed when that is asked for */
	ANY("rdma_srq_size", int),
	ANY("rdma_max_cq_size", int),
	ANY("rdma_cm_event_timeout_ms", int),
	ANY("rdma_umr_per_io", boolean),
	ANY("tcp_connect_timeout_ms", int),
	ANY("dhchap_digests", array),
	ANY("dhchap_dhgroups", array),
	MEMBERS("multipath_opts", "policy selector min_io"),
};

/* What follows is of methods that change nothing. */

static const struct method_compat_param bdev_examine[] = {
	NEEDED("name", string),
};

static const struct method_compat_param bdev_raid_set_options[] = {
	ANY("process_window_size_kb", int),
	ANY("process_max_bandwidth_mb_sec", int),
};

static const struct method_compat_param bdev_iscsi_set_options[] = {
	ANY("timeout_sec", int),
};

static const struct method_compat_param nvme_set_hotplug[] = {
	{.name = "enable",
	 .type = json_type_boolean,
	 .rule = METHOD_COMPAT_OFF,
	 .needed = true,
	 .why = "attaches only what it is told to (bdev_nvme_attach_controller)"},
	ANY("period_us", int),
};

static const struct method_compat_param nvme_set_multipath_policy[] = {
	NEEDED("name", string),
	{.name = "policy",
	 .type = json_type_string,
	 .rule = METHOD_COMPAT_WORD,
	 .needed = true,
	 .other = "active_passive active_active",
	 .why = ONE_WAY},
	WORD("selector", "round_robin queue_depth", ONE_WAY),
	ANY("rr_min_io", int),
};

static const struct method_compat_param iobuf_set_options[] = {
	ANY("small_pool_count", int),
	ANY("large_pool_count", int),
	ANY("small_bufsize", int),
	ANY("large_bufsize", int),
	OFF("enable_numa", boolean, "has one pool of buffers for all NUMA nodes"),
};

static const struct method_compat_param sock_set_default_impl[] = {
	NEEDED("impl_name", string),
};

static const struct method_compat_param sock_impl_set_options[] = {
	NEEDED("impl_name", string),
	ANY("recv_buf_size", int),
	ANY("send_buf_size", int),
	ANY("enable_recv_pipe", boolean),
	ANY("enable_quickack", boolean),
	ANY("enable_placement_id", int),
	ANY("enable_zerocopy_send_server", boolean),
	ANY("enable_zerocopy_send_client", boolean),
	ANY("zerocopy_threshold", int),
	ANY("tls_version", int),
	ANY("enable_ktls", boolean),
};

static const struct method_compat_param accel_set_options[] = {
	ANY("small_cache_size", int), ANY("large_cache_size", int), ANY("task_count", int),
	ANY("sequence_count", int),   ANY("buf_count", int),
};

#define ACCEL "has no accelerators: the CPU does it all"

static const struct method_compat_param accel_assign_opc[] = {
	NEEDED("opname", string),
	{.name = "module",
	 .type = json_type_string,
	 .rule = METHOD_COMPAT_WORD,
	 .needed = true,
	 .other = "software",
	 .why = ACCEL},
};

static const struct method_compat_param accel_set_driver[] = {
	OFF("name", string, ACCEL),
};

static const struct method_compat_param keyring_linux_set_options[] = {
	OFF("enable", boolean, "uses no keys"),
};

static const struct method_compat_param fsdev_set_opts[] = {
	NEEDED("fsdev_io_pool_size", int),
	NEEDED("fsdev_io_cache_size", int),
};

static const struct method_compat_param nvmf_set_max_subsystems[] = {
	NEEDED("max_subsystems", int),
};

static const struct method_compat_param nvmf_set_crdt[] = {
	ANY("crdt1", int),
	ANY("crdt2", int),
	ANY("crdt3", int),
};

static const struct method_compat_param nvmf_set_config[] = {
	ANY("admin_cmd_passthru", object), ANY("poll_groups_mask", string),
	ANY("discovery_filter", string),   ANY("discovery_filters", null),
	ANY("dhchap_digests", array),      ANY("dhchap_dhgroups", array),
	ANY("dup_host_policy", string),
};

static const struct method_compat_param iscsi_set_options[] = {
	ANY("auth_file", string),
	ANY("node_base", string),
	ANY("nop_timeout", int),
	ANY("nop_in_interval", int),
	ANY("disable_chap", boolean),
	ANY("require_chap", boolean),
	ANY("mutual_chap", boolean),
	ANY("chap_group", int),
	ANY("max_sessions", int),
	ANY("max_queue_depth", int),
	ANY("max_connections_per_session", int),
	ANY("default_time2wait", int),
	ANY("default_time2retain", int),
	ANY("first_burst_length", int),
	ANY("immediate_data", boolean),
	ANY("error_recovery_level", int),
	ANY("allow_duplicated_isid", boolean),
	ANY("max_large_datain_per_connection", int),
	ANY("max_r2t_per_connection", int),
	ANY("pdu_pool_size", int),
	ANY("immediate_data_pool_size", int),
	ANY("data_out_pool_size", int),
};

#define PARAMS(of, table)                                                              \
	{                                                                              \
		.method = (of), .params = (table), .num_params = EBB_ARRAY_SIZE(table) \
	}
#define METHOD(of, in_states, table)                                      \
	{                                                                 \
		.method = (of), .states = (in_states), .params = (table), \
		.num_params = EBB_ARRAY_SIZE(table)                       \
	}
#define METHOD_BARE(of, in_states)                    \
	{                                             \
		.method = (of), .states = (in_states) \
	}

const struct method_compat method_compat_table[] = {
	PARAMS("bdev_null_create", blocks),
	PARAMS("bdev_null_create", null_create),
	PARAMS("bdev_malloc_create", blocks),
	PARAMS("bdev_malloc_create", malloc_create),
	PARAMS("bdev_aio_create", aio_create),
	PARAMS("bdev_set_options", bdev_set_options),
	PARAMS("bdev_nvme_attach_controller", nvme_attach),
	PARAMS("bdev_nvme_detach_controller", nvme_detach),
	PARAMS("bdev_nvme_set_options", nvme_set_options),

	METHOD_BARE("bdev_wait_for_examine", RUNTIME),
	METHOD("bdev_examine", RUNTIME, bdev_examine),
	METHOD("bdev_raid_set_options", STARTUP | RUNTIME, bdev_raid_set_options),
	METHOD("bdev_iscsi_set_options", STARTUP | RUNTIME, bdev_iscsi_set_options),
	METHOD("bdev_nvme_set_hotplug", RUNTIME, nvme_set_hotplug),
	METHOD("bdev_nvme_set_multipath_policy", RUNTIME, nvme_set_multipath_policy),
	METHOD("iobuf_set_options", STARTUP, iobuf_set_options),
	METHOD("sock_set_default_impl", STARTUP, sock_set_default_impl),
	METHOD("sock_impl_set_options", STARTUP, sock_impl_set_options),
	METHOD("accel_set_options", STARTUP, accel_set_options),
	METHOD("accel_assign_opc", STARTUP, accel_assign_opc),
	METHOD("accel_set_driver", STARTUP, accel_set_driver),
	METHOD("keyring_linux_set_options", STARTUP, keyring_linux_set_options),
	METHOD("fsdev_set_opts", RUNTIME, fsdev_set_opts),
	METHOD("nvmf_set_max_subsystems", STARTUP, nvmf_set_max_subsystems),
	METHOD("nvmf_set_crdt", STARTUP, nvmf_set_crdt),
	METHOD("nvmf_set_config", STARTUP, nvmf_set_config),
	METHOD("iscsi_set_options", STARTUP, iscsi_set_options),
	METHOD_BARE("framework_disable_cpumask_locks", STARTUP | RUNTIME),
};
const size_t method_compat_count = EBB_ARRAY_SIZE(method_compat_table);

/* SPDK answers each of these methods so, too. */
static void changes_nothing(struct ebb_call *call, void *params)
{
	(void)params;
	ebb_call_result(call, json_object_new_boolean(true));
}

/* They are registered as all others are, so that whoever looks for a method finds them. */
EBB_CONSTRUCTOR(compat_methods_register)
{
	static struct ebb_method methods[EBB_ARRAY_SIZE(method_compat_table)];

	for (size_t i = 0; i < EBB_ARRAY_SIZE(methods); i++) {
		if (method_compat_table[i].states != 0) {
			methods[i] = (struct ebb_method){
				.name = method_compat_table[i].method,
				.states = method_compat_table[i].states,
				.help = "of SPDK's; changes nothing here",
				.fn = changes_nothing,
			};
			ebb_method_add(&methods[i]);
		}
	}
}

/* What of DPDK cannot be called from Rust: bursts are inline functions, set-up takes structures whose layout is a matter of the
 * headers. `shim.rs` is the other half, and the only caller.
 *
 * Not here: decisions. A port is set up as it is told, a burst moves what it is given.
 *
 * Invariants: an mbuf is in one place, a device or a burst of a caller; each queue has a pool of its own, so that freeing a burst
 * is one operation. Functions that can fail return 0 or a negative errno.
 */

#define _GNU_SOURCE
#include <rte_config.h>

#include <errno.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <rte_alarm.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_log.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>

/* As in `shim.rs`. */
struct crore_dpdk_traits {
	uint16_t queues_max;
	uint16_t mtu;
	uint8_t spreads; /* by a hash over addresses and ports that is the same in both directions */
	uint8_t mac[RTE_ETHER_ADDR_LEN];
};

/* As in `shim.rs`: bytes of a frame inside an mbuf; none if the frame lies in several pieces. */
struct crore_dpdk_piece {
	uint8_t *bytes;
	size_t length;
};

/* As in `shim.rs`. */
struct crore_dpdk_drops {
	uint64_t missed;
	uint64_t malformed;
	uint64_t starved;
	uint64_t unsent;
};

/* With this key (twice two bytes that repeat) Toeplitz' hash is the same for both directions of a flow. Cards want 40 to 52 bytes. */
#define KEY_BYTES_MAX 64
static uint8_t symmetric_key[KEY_BYTES_MAX];
static const uint64_t HASHED = RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP;

typedef void (*listener)(int is_error, const char *text, size_t length);
static listener listening;

static ssize_t say(void *nobody, const char *text, size_t length)
{
	(void)nobody;
	listening((uint32_t)rte_log_cur_msg_loglevel() <= RTE_LOG_ERR, text, length);
	return (ssize_t)length;
}

/* Every line that DPDK says goes to `to` from now on, from any thread; before the start, or the start would choose. */
int crore_dpdk_log_to(listener to)
{
	cookie_io_functions_t functions = { .write = say };
	listening = to;
	FILE *stream = fopencookie(NULL, "w", functions);
	if (stream == NULL)
		return -errno;
	setvbuf(stream, NULL, _IOLBF, BUFSIZ);
	return rte_openlog_stream(stream);
}

int crore_dpdk_start(int count, char **arguments)
{
	return rte_eal_init(count, arguments) < 0 ? -rte_errno : 0;
}

/* The port of the device called `name`, which is attached if it is not yet. */
int crore_dpdk_attach(const char *device, const char *name, uint16_t *port)
{
	int error;
	if (rte_eth_dev_get_port_by_name(name, port) == 0)
		return 0;
	error = rte_dev_probe(device);
	if (error < 0)
		return error;
	return rte_eth_dev_get_port_by_name(name, port);
}

int crore_dpdk_traits_of(uint16_t port, struct crore_dpdk_traits *traits)
{
	struct rte_eth_dev_info info;
	struct rte_ether_addr mac;
	int error = rte_eth_dev_info_get(port, &info);
	if (error == 0)
		error = rte_eth_dev_get_mtu(port, &traits->mtu);
	if (error == 0)
		error = rte_eth_macaddr_get(port, &mac);
	if (error != 0)
		return error;
	memcpy(traits->mac, mac.addr_bytes, sizeof(traits->mac));
	traits->queues_max = RTE_MIN(info.max_rx_queues, info.max_tx_queues);
	traits->spreads = (info.flow_type_rss_offloads & HASHED) != 0 && info.hash_key_size <= KEY_BYTES_MAX;
	return 0;
}

int crore_dpdk_configure(uint16_t port, uint16_t queues, int spread, uint16_t *receive_ring, uint16_t *transmit_ring)
{
	struct rte_eth_conf configuration = { 0 };
	struct rte_eth_dev_info info;
	int error = rte_eth_dev_info_get(port, &info);
	if (error != 0)
		return error;
	/* Each queue frees what it sent into its own pool, and nobody else holds it. */
	configuration.txmode.offloads = info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
	if (spread) {
		for (size_t at = 0; at < KEY_BYTES_MAX; at += 2) {
			symmetric_key[at] = 0x6d;
			symmetric_key[at + 1] = 0x5a;
		}
		configuration.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		configuration.rx_adv_conf.rss_conf.rss_hf = HASHED & info.flow_type_rss_offloads;
		if (info.hash_key_size != 0) {
			configuration.rx_adv_conf.rss_conf.rss_key = symmetric_key;
			configuration.rx_adv_conf.rss_conf.rss_key_len = info.hash_key_size;
		}
	}
	error = rte_eth_dev_configure(port, queues, queues, &configuration);
	return error != 0 ? error : rte_eth_dev_adjust_nb_rx_tx_desc(port, receive_ring, transmit_ring);
}

struct rte_mempool *crore_dpdk_pool(const char *name, unsigned mbufs, unsigned cache, uint16_t port)
{
	return rte_pktmbuf_pool_create(name, mbufs, cache, 0, RTE_MBUF_DEFAULT_BUF_SIZE, rte_eth_dev_socket_id(port));
}

int crore_dpdk_queue(uint16_t port, uint16_t queue, uint16_t receive_ring, uint16_t transmit_ring, struct rte_mempool *pool)
{
	int socket = rte_eth_dev_socket_id(port);
	int error = rte_eth_rx_queue_setup(port, queue, receive_ring, socket, NULL, pool);
	return error != 0 ? error : rte_eth_tx_queue_setup(port, queue, transmit_ring, socket, NULL);
}

/* Frames for every address of Ethernet come in where the device can do that: neighbour discovery is multicast. */
int crore_dpdk_run(uint16_t port, int promiscuous)
{
	int error = rte_eth_dev_start(port);
	if (error == 0)
		error = promiscuous ? rte_eth_promiscuous_enable(port) : rte_eth_allmulticast_enable(port);
	return error == -ENOTSUP ? 0 : error;
}

/* A port that shall end. */
struct ending {
	uint16_t port;
	sem_t over;
};

static void end(void *argument)
{
	struct ending *ending = argument;
	uint16_t port = ending->port;
	struct rte_eth_dev_info info;
	int known = rte_eth_dev_info_get(port, &info) == 0;
	/* Who cannot stop is closed nonetheless. */
	(void)rte_eth_dev_stop(port);
	if (!known || rte_dev_remove(info.device) != 0)
		(void)rte_eth_dev_close(port);
	sem_post(&ending->over);
}

/* The end of a port, and of its device. Its pools may be freed afterwards. It happens in the thread in which drivers handle what
 * comes by itself: memif frees there what an end on any other thread would still be using. */
void crore_dpdk_detach(uint16_t port)
{
	struct ending ending = { .port = port };
	sem_init(&ending.over, 0, 0);
	if (rte_eal_alarm_set(1, end, &ending) != 0)
		end(&ending);
	while (sem_wait(&ending.over) != 0)
		; /* a signal came */
	sem_destroy(&ending.over);
}

int crore_dpdk_is_up(uint16_t port)
{
	struct rte_eth_link link = { 0 };
	return rte_eth_link_get_nowait(port, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

void crore_dpdk_drops_of(uint16_t port, struct crore_dpdk_drops *drops)
{
	struct rte_eth_stats statistics = { 0 };
	(void)rte_eth_stats_get(port, &statistics); /* who counts nothing has counted nothing */
	drops->missed = statistics.imissed;
	drops->malformed = statistics.ierrors;
	drops->starved = statistics.rx_nombuf;
	drops->unsent = statistics.oerrors;
}

/* At most `most` frames that have come, their first cache lines on the way. */
uint16_t crore_dpdk_receive(uint16_t port, uint16_t queue, struct rte_mbuf **burst, struct crore_dpdk_piece *pieces, uint16_t most)
{
	uint16_t came = rte_eth_rx_burst(port, queue, burst, most);
	for (uint16_t at = 0; at < came; at++)
		rte_prefetch0(rte_pktmbuf_mtod(burst[at], void *));
	for (uint16_t at = 0; at < came; at++) {
		pieces[at].bytes = rte_pktmbuf_mtod(burst[at], uint8_t *);
		pieces[at].length = burst[at]->nb_segs == 1 ? burst[at]->data_len : 0;
	}
	return came;
}

/* Room for `count` frames, whose lengths stand in `pieces`, to be written there: all or none. */
int crore_dpdk_reserve(struct rte_mempool *pool, struct rte_mbuf **burst, struct crore_dpdk_piece *pieces, uint16_t count)
{
	int error = rte_pktmbuf_alloc_bulk(pool, burst, count);
	if (error != 0)
		return error;
	for (uint16_t at = 0; at < count; at++) {
		pieces[at].bytes = (uint8_t *)rte_pktmbuf_append(burst[at], (uint16_t)pieces[at].length);
	}
	return 0;
}

/* How many of a burst the device has taken; it is free of the others too. */
uint16_t crore_dpdk_transmit(uint16_t port, uint16_t queue, struct rte_mbuf **burst, uint16_t count)
{
	uint16_t sent = rte_eth_tx_burst(port, queue, burst, count);
	if (sent < count)
		rte_pktmbuf_free_bulk(burst + sent, count - sent);
	return sent;
}

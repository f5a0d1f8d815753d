// SPDX-License-Identifier: MIT
/*
 * Serve the metrics over HTTP.
 *
 * Each connection has its own thread, so that a slow client does not delay others; it is for one
 * request, and has a deadline that a trickle of bytes does not extend.  Concurrent scrapes share
 * one reading.
 */
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "command/numbers.h"
#include "exporter.h"

#define CONNECTIONS_MAX		256
#define CONNECTIONS_PER_IP	32
#define IDLE_SECONDS		10
#define DEADLINE_SECONDS	20
#define STACK_BYTES		(512 << 10)

/* A reading for the live page serves all who ask within this time. */
#define LIVE_NS			1000000000

/* Nothing from elsewhere, nothing inline, no frame around it. */
#define POLICY	"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " \
		"img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/* A page that several responses may use. */
struct shared_page {
	struct page page;
	atomic_uint users;
	uint64_t begun_ns;
};

struct connection {
	struct connection *next;
	struct connection **link;
	int fd;			/* a duplicate, so that the number cannot be reused */
	uint64_t deadline_ns;
};

struct server {
	struct scraper *scraper;
	pthread_mutex_t reading;
	struct shared_page *page;	/* the newest */
	struct text live;		/* the newest JSON, */
	uint64_t live_ns;		/* when it was read, */
	uint64_t live_details_of;	/* and whose details it has */
	pthread_mutex_t listing;
	struct connection *connections;
};

/*
 * The page.
 */

static void put_page(void *opaque)
{
	struct shared_page *page = opaque;

	if (!page || atomic_fetch_sub(&page->users, 1) > 1)
		return;
	page_clear(&page->page);
	free(page);
}

static struct shared_page *read_page(struct scraper *scraper)
{
	struct shared_page *page = calloc(1, sizeof(*page));

	if (!page)
		return NULL;
	page->users = 1;
	page->begun_ns = now_ns();
	scraper_read(scraper, &page->page);
	if (!page_failed(&page->page))
		return page;
	put_page(page);
	return NULL;
}

/* A page whose reading began after this call: our own, or that of another waiting thread. */
static struct shared_page *get_page(struct server *server)
{
	uint64_t asked_ns = now_ns();
	struct shared_page *page;

	pthread_mutex_lock(&server->reading);
	if (!server->page || server->page->begun_ns < asked_ns) {
		put_page(server->page);
		server->page = read_page(server->scraper);
	}
	page = server->page;
	if (page)
		atomic_fetch_add(&page->users, 1);
	pthread_mutex_unlock(&server->reading);
	return page;
}

/*
 * Answers.
 */

static struct MHD_Response *response_of_text(const char *text)
{
	return MHD_create_response_from_buffer(strlen(text), (void *)text, MHD_RESPMEM_PERSISTENT);
}

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned int status,
			      struct MHD_Response *response, const char *type)
{
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result answer_file(struct MHD_Connection *connection, const struct live_file *file)
{
	struct MHD_Response *response = response_of_text(file->text);

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Security-Policy", POLICY);
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
	MHD_add_response_header(response, "Cache-Control", "no-cache");
	return answer(connection, MHD_HTTP_OK, response, file->type);
}

static enum MHD_Result answer_text(struct MHD_Connection *connection, unsigned int status,
				   const char *text)
{
	return answer(connection, status, response_of_text(text), "text/plain; charset=utf-8");
}

/* The weight (q=) among a media range's parameters; 1 by default. */
static double weight_of_range(const char *parameters, size_t size)
{
	const char *end = parameters + size;
	const char *at;

	for (at = parameters; (at = memchr(at, ';', (size_t)(end - at)));) {
		at += 1 + strspn(at + 1, " \t");
		if (at < end && !strncasecmp(at, "q=", 2))
			return strtod(at + 2, NULL);
	}
	return 1;
}

/* The highest weight that an Accept header gives to that type, or 0. */
static double weight_of(const char *accept, const char *type)
{
	double most = 0;
	size_t size;

	for (; accept += strspn(accept, ", \t"), *accept; accept += size) {
		size_t name = strcspn(accept, ",; \t");
		double weight;

		size = strcspn(accept, ",");
		if (name != strlen(type) || strncasecmp(accept, type, name))
			continue;
		weight = weight_of_range(accept + name, size - name);
		most = weight > most ? weight : most;
	}
	return most;
}

static enum page_format wanted_format(struct MHD_Connection *connection)
{
	const char *accept = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
							 MHD_HTTP_HEADER_ACCEPT);
	double weight = accept ? weight_of(accept, "application/openmetrics-text") : 0;

	return weight > 0 && weight >= weight_of(accept, "text/plain") ? PAGE_OPENMETRICS :
		PAGE_PROMETHEUS;
}

static enum MHD_Result answer_page(struct MHD_Connection *connection, struct server *server)
{
	enum page_format format = wanted_format(connection);
	struct piece pieces[PAGE_PIECES_MAX];
	struct MHD_IoVec vector[PAGE_PIECES_MAX];
	struct shared_page *page = get_page(server);
	struct MHD_Response *response;
	size_t i, nr;

	if (!page)
		return answer_text(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory\n");
	nr = page_pieces(&page->page, format, pieces);
	for (i = 0; i < nr; i++)
		vector[i] = (struct MHD_IoVec){ pieces[i].at, pieces[i].size };
	response = MHD_create_response_from_iovec(vector, (unsigned int)nr, put_page, page);
	if (!response)
		put_page(page);
	return answer(connection, MHD_HTTP_OK, response, page_content_type(format));
}

/* A copy of the newest JSON, which the caller frees. */
static struct text get_live(struct server *server, uint64_t details_of)
{
	struct text copy = { 0 };
	uint64_t now = now_ns();

	pthread_mutex_lock(&server->reading);
	if (!server->live.size || server->live_details_of != details_of ||
	    now > server->live_ns + LIVE_NS) {
		text_free(&server->live);
		server->live_ns = now;
		server->live_details_of = details_of;
		if (!scraper_read_live(server->scraper, details_of, &server->live))
			text_free(&server->live);
	}
	text_put(&copy, text_piece(&server->live));
	pthread_mutex_unlock(&server->reading);
	return copy;
}

static enum MHD_Result answer_live(struct MHD_Connection *connection, struct server *server)
{
	const char *epoch = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND,
							"details");
	struct text json = get_live(server, epoch ? strtoull(epoch, NULL, 16) : 0);
	struct MHD_Response *response;

	if (!json.size)
		return answer_text(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory\n");
	response = MHD_create_response_from_buffer(json.size, json.at, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		text_free(&json);
		return MHD_NO;
	}
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(response, "Cache-Control", "no-store");
	return answer(connection, MHD_HTTP_OK, response, "application/json");
}

static const struct live_file *find_file(const char *url)
{
	const struct live_file *file;

	for (file = live_files; file->path; file++) {
		if (!strcmp(file->path, url))
			return file;
	}
	return NULL;
}

static enum MHD_Result handle(void *opaque, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *data,
			      size_t *data_size, void **request)
{
	static char begun;

	(void)version;
	(void)data;
	/* The first call is for the headers; answering then would cut off the request's body. */
	if (!*request) {
		*request = &begun;
		return MHD_YES;
	}
	if (*data_size) {
		*data_size = 0;
		return MHD_YES;
	}
	if (strcmp(method, MHD_HTTP_METHOD_GET) && strcmp(method, MHD_HTTP_METHOD_HEAD))
		return answer_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
	if (!strcmp(url, "/metrics"))
		return answer_page(connection, opaque);
	if (!strcmp(url, "/vms.json"))
		return answer_live(connection, opaque);
	if (find_file(url))
		return answer_file(connection, find_file(url));
	return answer_text(connection, MHD_HTTP_NOT_FOUND, "not found; see / and /metrics\n");
}

/*
 * Deadlines.
 */

static void list_connection(struct server *server, struct MHD_Connection *mhd, void **context)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct connection *connection = calloc(1, sizeof(*connection));

	*context = connection;
	if (!connection)
		return;
	connection->fd = dup(info->connect_fd);
	connection->deadline_ns = now_ns() + DEADLINE_SECONDS * 1000000000ULL;
	pthread_mutex_lock(&server->listing);
	connection->next = server->connections;
	connection->link = &server->connections;
	if (connection->next)
		connection->next->link = &connection->next;
	server->connections = connection;
	pthread_mutex_unlock(&server->listing);
}

static void unlist_connection(struct server *server, struct connection *connection)
{
	if (!connection)
		return;
	pthread_mutex_lock(&server->listing);
	*connection->link = connection->next;
	if (connection->next)
		connection->next->link = connection->link;
	pthread_mutex_unlock(&server->listing);
	if (connection->fd >= 0)
		close(connection->fd);
	free(connection);
}

static void notice_connection(void *opaque, struct MHD_Connection *mhd, void **context,
			      enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		list_connection(opaque, mhd, context);
	else
		unlist_connection(opaque, *context);
}

/* The connection's thread notices the end of the connection and cleans up. */
static void cut_overdue(struct server *server)
{
	uint64_t now = now_ns();
	struct connection *connection;

	pthread_mutex_lock(&server->listing);
	for (connection = server->connections; connection; connection = connection->next) {
		if (connection->deadline_ns < now)
			shutdown(connection->fd, SHUT_RDWR);
	}
	pthread_mutex_unlock(&server->listing);
}

/*
 * The socket.
 */

/* ADDRESS:PORT, with an IPv6 address in brackets. */
static struct addrinfo *parse_address(const char *text)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
		.ai_socktype = SOCK_STREAM,
	};
	const char *colon = strrchr(text, ':');
	bool brackets = colon > text + 1 && text[0] == '[' && colon[-1] == ']';
	struct addrinfo *address = NULL;
	uint32_t port;
	char *host;

	if (!colon || colon == text || !colon[1] || !parse_u32(colon + 1, &port) || port > 65535 ||
	    strspn(colon + 1, "0123456789") != strlen(colon + 1))
		return NULL;
	if (!brackets && memchr(text, ':', (size_t)(colon - text)))
		return NULL;
	host = strndup(text + brackets, (size_t)(colon - text) - 2 * brackets);
	if (!host || getaddrinfo(host, colon + 1, &hints, &address))
		address = NULL;
	free(host);
	return address;
}

static int say_listen(const char *text, int err)
{
	switch (err) {
	case EADDRINUSE:
		return say(-1, "cannot listen on %s: the port is in use; choose another one with --listen",
			   text);
	case EADDRNOTAVAIL:
		return say(-1, "cannot listen on %s: this machine has no such address", text);
	case EACCES:
		return say(-1, "cannot listen on %s: ports below 1024 are for root", text);
	}
	return say(-1, "cannot listen on %s: %s", text, strerror(err));
}

/* The socket, or -1 after an error message. */
static int open_socket(const char *text, const struct addrinfo *address)
{
	const int on = 1;
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return say_listen(text, errno);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (!bind(fd, address->ai_addr, address->ai_addrlen) && !listen(fd, SOMAXCONN))
		return fd;
	say_listen(text, errno);
	close(fd);
	return -1;
}

static void print_listening(int fd)
{
	char host[64], port[8];
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);
	bool six;

	if (getsockname(fd, (struct sockaddr *)&address, &size) ||
	    getnameinfo((struct sockaddr *)&address, size, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV))
		return;
	six = address.ss_family == AF_INET6;
	say(0, "listening on http://%s%s%s:%s/metrics", six ? "[" : "", host, six ? "]" : "", port);
}

static struct MHD_Daemon *start(struct server *server, int fd)
{
	return MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
				MHD_USE_POLL | MHD_USE_ITC, 0, NULL, NULL, handle, server,
				MHD_OPTION_LISTEN_SOCKET, fd,
				MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
				MHD_OPTION_PER_IP_CONNECTION_LIMIT, CONNECTIONS_PER_IP,
				MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS,
				MHD_OPTION_THREAD_STACK_SIZE, (size_t)STACK_BYTES,
				MHD_OPTION_NOTIFY_CONNECTION, notice_connection, server,
				MHD_OPTION_END);
}

static void wait_for_signal(struct server *server, const sigset_t *signals)
{
	const struct timespec second = { .tv_sec = 1 };

	while (sigtimedwait(signals, NULL, &second) < 0)
		cut_overdue(server);
}

int serve(struct scraper *scraper, const char *text, const sigset_t *signals)
{
	struct server server = {
		.scraper = scraper,
		.reading = PTHREAD_MUTEX_INITIALIZER,
		.listing = PTHREAD_MUTEX_INITIALIZER,
	};
	struct addrinfo *address = parse_address(text);
	struct MHD_Daemon *daemon;
	int fd;

	if (!address)
		return say(STATUS_USAGE,
			   "--listen takes ADDRESS:PORT, such as " LISTEN_DEFAULT " or [::]:13948, not '%s'",
			   text);
	fd = open_socket(text, address);
	freeaddrinfo(address);
	if (fd < 0)
		return STATUS_FAILED;
	daemon = start(&server, fd);
	if (!daemon) {
		close(fd);
		return say(STATUS_FAILED, "cannot start libmicrohttpd on %s", text);
	}
	print_listening(fd);
	wait_for_signal(&server, signals);
	MHD_stop_daemon(daemon);
	put_page(server.page);
	text_free(&server.live);
	return STATUS_OK;
}

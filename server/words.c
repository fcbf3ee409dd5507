/* Names of numbers. */
#include "server/conn.h"

static const char *const disconnect_words[] = {
	[SSH_DISCONNECT_HOST_NOT_ALLOWED] = "host not allowed",
	[SSH_DISCONNECT_PROTOCOL_ERROR] = "protocol error",
	[SSH_DISCONNECT_KEY_EXCHANGE_FAILED] = "key exchange failed",
	[SSH_DISCONNECT_RESERVED] = "reserved",
	[SSH_DISCONNECT_MAC_ERROR] = "MAC error",
	[SSH_DISCONNECT_COMPRESSION_ERROR] = "compression error",
	[SSH_DISCONNECT_SERVICE_NOT_AVAILABLE] = "service not available",
	[SSH_DISCONNECT_PROTOCOL_VERSION_NOT_SUPPORTED] =
	    "protocol version not supported",
	[SSH_DISCONNECT_HOST_KEY_NOT_VERIFIABLE] = "host key not verifiable",
	[SSH_DISCONNECT_CONNECTION_LOST] = "connection lost",
	[SSH_DISCONNECT_BY_APPLICATION] = "by application",
	[SSH_DISCONNECT_TOO_MANY_CONNECTIONS] = "too many connections",
	[SSH_DISCONNECT_AUTH_CANCELLED_BY_USER] =
	    "authentication cancelled by user",
	[SSH_DISCONNECT_NO_MORE_AUTH_METHODS] =
	    "no more authentication methods",
	[SSH_DISCONNECT_ILLEGAL_USER_NAME] = "illegal user name"
};

const char *
ssh_disconnect_word(unsigned reason)
{
	size_t n = sizeof(disconnect_words) / sizeof(disconnect_words[0]);

	if (reason >= n || disconnect_words[reason] == NULL)
		return "unknown reason";
	return disconnect_words[reason];
}

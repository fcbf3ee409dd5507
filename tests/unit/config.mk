CONFIG_OBJS := \
	base/config.o \
	base/config_account.o \
	base/config_files.o \
	base/config_host.o \
	base/host.o \
	base/config_forward.o base/forward.o \
	base/config_keys.o \
	base/config_layer.o \
	base/config_origin.o \
	base/config_pam.o \
	base/config_programs.o \
	base/config_rows.o \
	base/config_rules.o \
	base/config_run.o \
	base/envname.o \
	base/config_schema.o \
	base/config_secrets.o \
	base/config_tree.o \
	base/config_users.o \
	base/config_values.o \
	base/config_variants.o \
	base/config_when.o \
	base/config_yaml.o \
	base/calendar.o \
	base/place.o \
	base/config_penalties.o \
	base/penalty_bytes.o \
	base/net.o \
	base/messages.o \
	base/otp_secret.o \
	base/policy.o \
	base/buf.o

TESTS += calendar_test envname_test place_test policy_test messages_test config_values_test config_test
OBJS_envname_test := base/envname.o base/buf.o
OBJS_calendar_test := base/calendar.o base/buf.o
OBJS_place_test := base/place.o base/buf.o
OBJS_policy_test := base/policy.o base/buf.o
OBJS_messages_test := base/messages.o base/penalty_bytes.o base/net.o \
	base/buf.o
OBJS_config_values_test := base/config_values.o base/envname.o base/buf.o
OBJS_config_test := $(CONFIG_OBJS)
LIBS_config_test := -lyaml
TESTS += config_secrets_test
OBJS_config_secrets_test := $(CONFIG_OBJS)
LIBS_config_secrets_test := -lyaml

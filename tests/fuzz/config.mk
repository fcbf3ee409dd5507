FUZZERS += yaml_fuzz messages_fuzz
OBJS_yaml_fuzz := $(CONFIG_OBJS)
LIBS_yaml_fuzz := -lyaml
OBJS_messages_fuzz := $(CONFIG_OBJS) base/messages_forward.o
LIBS_messages_fuzz := -lyaml
FUZZERS += calendar_fuzz
OBJS_calendar_fuzz := base/calendar.o base/place.o base/buf.o

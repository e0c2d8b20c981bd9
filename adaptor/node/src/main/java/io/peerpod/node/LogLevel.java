// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node;

import java.lang.reflect.Field;
import java.util.List;
import java.util.Map;
import org.slf4j.ILoggerFactory;
import org.slf4j.LoggerFactory;

/**
 * The least severity that is logged. Our logger reads it when a logger is made and has no way to change it later, so it is set in the loggers
 * themselves.
 */
final class LogLevel {
    private static final String PROPERTY = "org.slf4j.simpleLogger.defaultLogLevel";
    private static final List<String> LEVELS = List.of("trace", "debug", "info", "warn", "error");
    private static final int STEP = 10;

    private LogLevel() {}

    /** For loggers to come. */
    static void first(String level) {
        System.setProperty(PROPERTY, level);
    }

    /**
     * For all loggers, those that are in use included.
     *
     * @return whether this logger could be told
     */
    static boolean change(String level) {
        first(level);
        int number = LEVELS.indexOf(level) * STEP;
        ILoggerFactory factory = LoggerFactory.getILoggerFactory();
        try {
            Class<?> logger = Class.forName("org.slf4j.simple.SimpleLogger");
            Object configuration = read(logger, null, "CONFIG_PARAMS");
            Field defaultLevel = configuration.getClass().getDeclaredField("defaultLogLevel");
            defaultLevel.setAccessible(true);
            defaultLevel.setInt(configuration, number);
            Field current = logger.getDeclaredField("currentLogLevel");
            current.setAccessible(true);
            for (Object each : ((Map<?, ?>) read(factory.getClass(), factory, "loggerMap")).values()) {
                current.setInt(each, number);
            }
            return true;
        } catch (ReflectiveOperationException | RuntimeException e) {
            LoggerFactory.getLogger(LogLevel.class)
                    .atWarn()
                    .addKeyValue("failure", e.toString())
                    .log("this logger's level cannot be changed while it runs");
            return false;
        }
    }

    private static Object read(Class<?> type, @org.jspecify.annotations.Nullable Object object, String name)
            throws ReflectiveOperationException {
        Field field = type.getDeclaredField(name);
        field.setAccessible(true);
        return field.get(object);
    }
}

// SPDX-License-Identifier: Apache-2.0
package io.peerpod.provider.local;

import io.peerpod.options.Options;
import io.peerpod.options.Settings;
import io.peerpod.provider.CloudProvider;
import io.peerpod.provider.CloudProviderFactory;
import org.jspecify.annotations.Nullable;

/** Registers the provider {@code local}. */
public final class LocalProviderFactory implements CloudProviderFactory {
    private LocalConfig.@Nullable Rows rows;

    /** For the service loader. */
    public LocalProviderFactory() {}

    @Override
    public String name() {
        return LocalCloudProvider.NAME;
    }

    @Override
    public void declare(Options options) {
        rows = LocalConfig.Rows.declare(options);
    }

    @Override
    public CloudProvider create(Settings settings) {
        LocalConfig.Rows declared = rows;
        if (declared == null) {
            throw new IllegalStateException(
                    "the options of the local provider were not declared before they were read");
        }
        LocalConfig config = declared.read(settings);
        return settings.find(declared.faults())
                .<CloudProvider>map(file -> new FaultyCloud(config, new ScriptedFaults(file)))
                .orElseGet(() -> new LocalCloudProvider(config));
    }
}

// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder.provision;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SourcesTest {

    @TempDir
    private Path root;

    private void firmware(String entry, String value) throws IOException {
        Path folder = Files.createDirectories(root.resolve("sys/class/dmi/id"));
        Files.writeString(folder.resolve(entry), value + "\n");
    }

    private String found() {
        return Sources.automatic(new GuestFiles(root))
                .find()
                .map(UserDataSource::name)
                .orElse("none");
    }

    @Test
    void theFileComesBeforeEveryCloud() throws IOException {
        firmware("sys_vendor", "Amazon EC2");
        Files.createDirectories(root.resolve("media/cidata"));
        Files.writeString(root.resolve("media/cidata/user-data"), "#cloud-config\n");
        assertThat(found()).startsWith("file ").endsWith("/media/cidata/user-data");
    }

    @Test
    void eachCloudIsKnownByItsFirmwareTables() throws IOException {
        firmware("sys_vendor", "Microsoft Corporation");
        firmware("chassis_asset_tag", "7783-7084-3265-9085-8269-3286-77");
        assertThat(found()).startsWith("Azure metadata service at http://169.254.169.254/");
        firmware("chassis_asset_tag", "none");
        firmware("sys_vendor", "Amazon EC2");
        assertThat(found()).startsWith("AWS metadata service at http://169.254.169.254/");
        firmware("sys_vendor", "Google");
        assertThat(found()).startsWith("Google Cloud metadata service at http://169.254.169.254/");
        firmware("sys_vendor", "Alibaba Cloud");
        assertThat(found()).startsWith("Alibaba Cloud metadata service at http://100.100.100.200/");
    }

    @Test
    void anotherHyperVHostIsNotAzure() throws IOException {
        firmware("sys_vendor", "Microsoft Corporation");
        firmware("product_name", "Virtual Machine");
        assertThat(found()).isEqualTo("none");
    }

    @Test
    void aMachineWithoutTablesHasNoSource() {
        assertThat(found()).isEqualTo("none");
    }

    @Test
    void anUnreadableTableIsNoFailure() throws IOException {
        Files.createDirectories(root.resolve("sys/class/dmi/id/sys_vendor"));
        assertThat(found()).isEqualTo("none");
    }

    @Test
    void aCloudCanBeNamedWhereThereAreNoTables() {
        assertThat(Sources.automatic(new GuestFiles(root))
                        .at(Sources.Place.parse("azure"))
                        .find()
                        .orElseThrow()
                        .name())
                .startsWith("Azure");
        assertThatThrownBy(() -> Sources.Place.parse("ibm")).hasMessageContaining("one of auto, file, azure");
    }
}

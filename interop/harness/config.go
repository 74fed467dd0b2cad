package harness

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// A Config is what a test asks of a server beyond the defaults below, under
// zoo.cfg's names. The JVM-only properties (znode.container.*) may be among
// them: Apache gets those on its command line, Zabra as any other key.
type Config map[string]string

// defaults are the settings of every server here: as restrictive as a test on a
// shared machine must be (loopback only), with everything optional switched on.
func defaults() Config {
	return Config{
		"tickTime":                  "2000",
		"clientPortAddress":         "127.0.0.1",
		"maxClientCnxns":            "0",
		"4lw.commands.whitelist":    "*",
		"extendedTypesEnabled":      "true",
		"admin.enableServer":        "false",
		"admin.serverAddress":       "127.0.0.1",
		"audit.enable":              "false",
		"metricsProvider.className": "org.apache.zookeeper.metrics.impl.DefaultMetricsProvider",
	}
}

// jvmOnly reports whether the key means something only as a JVM property.
func jvmOnly(key string) bool {
	return strings.HasPrefix(key, "znode.container.") || key == "jute.maxbuffer" || key == "readonlymode.enabled" ||
		key == "java.security.auth.login.config"
}

func (c Config) merged() Config {
	m := defaults()
	maps.Copy(m, c)
	return m
}

// writeFile writes c as a zoo.cfg, keys sorted.
func (c Config) writeFile(path string) error {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(c)) {
		fmt.Fprintf(&b, "%s=%s\n", k, c[k])
	}
	return os.WriteFile(path, []byte(b.String()), 0o644)
}

// jvmFlags are the JVM-only keys as -D flags.
func (c Config) jvmFlags() []string {
	var flags []string
	for _, k := range slices.Sorted(maps.Keys(c)) {
		if jvmOnly(k) {
			flags = append(flags, fmt.Sprintf("-D%s=%s", k, c[k]))
		}
	}
	return flags
}

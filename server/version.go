package server

import "runtime/debug"

// compatible is the release of ZooKeeper whose behaviour this server has. Tools
// parse the version line and switch on it.
const compatible = "3.9.5"

// versionLine is what the commands print as the version: ZooKeeper's form, with
// what this server really is where ZooKeeper has its commit.
func versionLine() string {
	revision, date := "zabra", "1970-01-01 00:00 UTC"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				revision = "zabra." + s.Value[:min(12, len(s.Value))]
			case "vcs.time":
				if len(s.Value) >= 16 {
					date = s.Value[:10] + " " + s.Value[11:16] + " UTC"
				}
			}
		}
	}
	return compatible + "-" + revision + ", built on " + date
}

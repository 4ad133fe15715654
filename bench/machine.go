package main

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/symphony-go/symphony/bench/ground"
	"github.com/symphony-go/symphony/bench/results"
)

// machine describes the machine, the server and the versions of a run.
func machine(ctx context.Context, g *ground.Ground) results.Machine {
	m := results.Machine{
		CPU: cpu(), Cores: runtime.NumCPU(), OS: system(), Go: runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH,
		Server: serverName(ctx, g), Network: "the server of -url, " + g.Where, Load: load(), Modules: modules(),
	}
	if g.Own != nil {
		m.Network = "a server of the run's own on this machine, over the loopback"
	}
	return m
}

func serverName(ctx context.Context, g *ground.Ground) string {
	if v := g.Info(ctx, "valkey_version"); v != "" {
		return "Valkey " + v
	}
	return "Redis " + g.Info(ctx, "redis_version")
}

// field returns the value of a line `name <separator> value` of a file.
func field(file, name, separator string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		key, value, found := strings.Cut(line, separator)
		if found && strings.TrimSpace(key) == name {
			return strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return ""
}

func cpu() string {
	if name := field("/proc/cpuinfo", "model name", ":"); name != "" {
		return name
	}
	return runtime.GOARCH
}

func system() string {
	name := field("/etc/os-release", "PRETTY_NAME", "=")
	kernel, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return runtime.GOOS
	}
	return strings.TrimSpace(name + ", " + runtime.GOOS + " " + string(kernel))
}

func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:3], ", ")
}

// measured lists the modules whose versions are recorded.
var measured = []string{
	"github.com/redis/rueidis", "github.com/redis/rueidis/om", "github.com/redis/go-redis/v9", "github.com/gomodule/redigo",
	"github.com/hibiken/asynq", "github.com/maypok86/otter/v2",
}

func modules() map[string]string {
	found := map[string]string{}
	about, ok := debug.ReadBuildInfo()
	if !ok {
		return found
	}
	for _, s := range about.Settings {
		if s.Key == "vcs.revision" {
			found["github.com/symphony-go/symphony"] = s.Value[:min(12, len(s.Value))]
		}
	}
	for _, dep := range about.Deps {
		for _, name := range measured {
			if dep.Path == name {
				found[name] = dep.Version
			}
		}
	}
	return found
}

"""What tests share: texts, waiting, processes, servers, ways to read what came back."""

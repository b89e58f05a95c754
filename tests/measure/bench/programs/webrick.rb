# WEBrick serving the files of a directory. Usage: webrick.rb PORT DIRECTORY
require 'webrick'
WEBrick::HTTPServer.new(Port: ARGV[0].to_i, BindAddress: '0.0.0.0', DocumentRoot: ARGV[1], AccessLog: [],
                        Logger: WEBrick::Log.new(File::NULL), DoNotReverseLookup: true).start

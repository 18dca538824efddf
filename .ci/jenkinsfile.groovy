// groovy jenkinsfile.groovy JENKINSFILE BRANCH
//
// Runs a declarative pipeline without Jenkins. What a block may hold is the table below; any other
// word is an error, as in Jenkins. `sh` runs its command for real. Exits with 1 if a step failed.
class Pipeline {
  static final ALLOWED = [
    file: ['pipeline'],
    pipeline: ['agent', 'options', 'environment', 'stages', 'post'],
    options: ['disableConcurrentBuilds', 'timeout'],
    stages: ['stage'],
    stage: ['agent', 'when', 'environment', 'steps', 'post'],
    agent: ['docker'],
    docker: ['image', 'args', 'reuseNode'],
    when: ['branch'],
    environment: [],
    steps: ['sh'],
    post: ['success', 'failure'],
    success: ['sh', 'slackSend'],
    failure: ['sh', 'slackSend'],
  ]

  // The words of a block with their arguments; a nested block is an argument not yet looked into.
  static List words(String block, Closure body, Map env) {
    body.delegate = new Words(block: block, env: env)
    body.resolveStrategy = Closure.DELEGATE_ONLY
    body()
    body.delegate.found
  }

  // The pipeline or a stage of it. True if no step failed.
  static boolean run(String block, Closure body, Map env) {
    def parts = words(block, body, env).collectEntries { [it.word, it.arguments.last()] }
    parts.findAll { it.key in ['agent', 'options'] && it.value instanceof Closure }.each {
      words(it.key, it.value, env).each { inner ->
        if (inner.word == 'docker') words('docker', inner.arguments.last(), env)
      }
    }
    if (parts.environment) words('environment', parts.environment, env)
    def branches = parts.when ? words('when', parts.when, env)*.arguments.flatten() : [env.BRANCH_NAME]
    if (!(env.BRANCH_NAME in branches)) return true
    def passed = parts.stages
      ? words('stages', parts.stages, env).every {
          println "stage ${it.arguments[0]}"
          run('stage', it.arguments[1], new HashMap(env))
        }
      : words('steps', parts.steps, env).every { step(it, env) }
    def endings = parts.post ? words('post', parts.post, env) : []
    endings.findAll { it.word == (passed ? 'success' : 'failure') }.each { ending ->
      words(ending.word, ending.arguments[0], env).each { step(it, env) }
    }
    passed
  }

  static boolean step(Map call, Map env) {
    if (call.word == 'slackSend') {
      assert call.arguments[0].color && call.arguments[0].message
      println "slackSend ${call.arguments[0].message}"
      return true
    }
    def process = new ProcessBuilder('sh', '-ec', call.arguments[0] as String).inheritIO()
    process.environment().putAll(env)
    process.start().waitFor() == 0
  }
}

class Words {
  String block
  Map env
  List found = []
  final any = 'any'

  def invokeMethod(String word, Object arguments) {
    if (word == 'credentials' && block == 'environment') return "/secrets/${arguments[0]}"
    if (!(word in Pipeline.ALLOWED[block])) throw new Exception("'$word' is not known in '$block'")
    found << [word: word, arguments: arguments as List]
  }

  void setProperty(String name, Object value) {
    if (block != 'environment') throw new Exception("'$name = …' is not known in '$block'")
    env[name] = value as String
  }
}

def env = [GIT_COMMIT: '0123abc', BRANCH_NAME: args[1], BUILD_URL: 'http://jenkins/1']
def file = { new GroovyShell(getClass().classLoader).parse(new File(args[0])) }()
def body
file.metaClass.pipeline = { Closure it -> body = it }
file.run()
System.exit(Pipeline.run('pipeline', body, env) ? 0 : 1)
